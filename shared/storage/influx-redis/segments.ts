// How a range of time is read: whole days and hours from rollups where those hold, the rest from raw deltas.
//
//   from ├raw┤──hours──├────────days────────┤──hours──├raw┤ to          a marked hour is raw, a marked day is its hours
import { instant } from './influx-rows.ts';
import { DAY_MS, HOUR_MS } from './marking.ts';

export type Level = 'day' | 'hour' | 'raw';
/** [startMs, stopMs) */
export type Segment = { readonly level: Level; readonly startMs: number; readonly stopMs: number };

/** Hours and days since 1970 whose rollups do not hold. */
export type Marks = { readonly hours: ReadonlySet<number>; readonly days: ReadonlySet<number> };

/** Each interval is a branch of the query, and a branch costs more than a read of some hours more (FACTS, InfluxDB 2). */
export const RAW_INTERVALS_MAX = 4;

const STREAMS = { day: 'days', hour: 'hours', raw: 'deltas' } as const;

/** The segment in a query, whose streams have these names. */
export function streamOf({ level, startMs, stopMs }: Segment): string {
  return `${STREAMS[level]}(start: ${instant(startMs)}, stop: ${instant(stopMs)})`;
}

/** Segments that cover [fromMs, toMs) without overlap, in order. */
export function segmentsOf({ hours, days }: Marks, fromMs: number, toMs: number): Segment[] {
  const segments: Segment[] = [];
  const add = (level: Level, startMs: number, stopMs: number) => {
    const last = segments.at(-1);
    if (startMs >= stopMs) return;
    if (last?.level === level && last.stopMs === startMs) segments[segments.length - 1] = { ...last, stopMs };
    else segments.push({ level, startMs, stopMs });
  };
  const addHours = (startMs: number, stopMs: number) => {
    for (let atMs = startMs; atMs < stopMs; ) {
      const hour = Math.floor(atMs / HOUR_MS);
      const endMs = Math.min((hour + 1) * HOUR_MS, stopMs);
      const isWhole = atMs === hour * HOUR_MS && endMs === (hour + 1) * HOUR_MS;
      add(isWhole && !hours.has(hour) ? 'hour' : 'raw', atMs, endMs);
      atMs = endMs;
    }
  };
  const broken = [...days].filter((day) => (day + 1) * DAY_MS > fromMs && day * DAY_MS < toMs);
  const split = new Set([...broken, Math.floor(fromMs / DAY_MS), Math.floor((toMs - 1) / DAY_MS)]);
  let doneMs = fromMs;
  for (const day of [...split].sort((one, other) => one - other)) {
    const startMs = Math.max(day * DAY_MS, fromMs);
    const stopMs = Math.min((day + 1) * DAY_MS, toMs);
    add('day', doneMs, startMs);
    const isWhole = startMs === day * DAY_MS && stopMs === (day + 1) * DAY_MS;
    if (isWhole && !days.has(day)) add('day', startMs, stopMs);
    else addHours(startMs, stopMs);
    doneMs = stopMs;
  }
  return withFewIntervals(segments);
}

/** Where there are too many raw intervals, what lies between the closest ones is read raw too. */
function withFewIntervals(segments: readonly Segment[]): Segment[] {
  let raw = segments.filter((segment) => segment.level === 'raw');
  if (raw.length <= RAW_INTERVALS_MAX) return [...segments];
  while (raw.length > RAW_INTERVALS_MAX) {
    let closest = 1;
    for (let at = 2; at < raw.length; at++) if (gapBefore(raw, at) < gapBefore(raw, closest)) closest = at;
    const [one, other] = [raw[closest - 1] as Segment, raw[closest] as Segment];
    raw = raw.toSpliced(closest - 1, 2, { ...one, stopMs: other.stopMs });
  }
  const isCovered = (segment: Segment) =>
    raw.some((interval) => interval.startMs <= segment.startMs && segment.stopMs <= interval.stopMs);
  const rest = segments.filter((segment) => segment.level !== 'raw' && !isCovered(segment));
  return [...rest, ...raw].sort((one, other) => one.startMs - other.startMs);
}

function gapBefore(raw: readonly Segment[], at: number): number {
  return (raw[at] as Segment).startMs - (raw[at - 1] as Segment).stopMs;
}
