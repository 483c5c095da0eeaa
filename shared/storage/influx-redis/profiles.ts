// Profiles of spans: days as their hours where the day's rollup holds, single hours where only those do, the rest from raw deltas.
//
//   ├──raw──┤├────────days, as hours────────┤├──hours of marked days──┤├─raw─┤      an hour that a span begins within is raw
import { OLDEST_EVENT_MS } from '../../event.ts';
import type { SpaceId } from '../../ids.ts';
import type { Profile, Span } from '../history.ts';
import type { ReaderParts } from './history-reader.ts';
import type { Row } from './influx.ts';
import { END_OF_TIME_MS, fluxOf, instant } from './influx-rows.ts';
import { placeOf } from './judge.ts';
import { DAY_MS, HOUR_MS } from './marking.ts';
import { hoursFrom, type Rollup } from './points.ts';
import { type Step, stepOf, walk } from './profile.ts';
import { type Marks, type Segment, streamOf } from './segments.ts';

/** Streams in one query: 50 take some 80 ms (FACTS, InfluxDB 2). */
const STREAMS_PER_QUERY = 40;
const QUERIES_AT_ONCE = 2;
/** More stretches of hours than this are read as one, with what lies between. */
const HOUR_STRETCHES_MAX = 10;
const HOURS_PER_DAY = 24;

/** A step, or an hour of them added up. */
type Piece = { readonly atMs: number } & ({ readonly step: Step } | { readonly hour: Rollup });

/** `spans` are in order and do not overlap; `marks` were read before this is called. */
export async function profilesOf(
  { influx }: Pick<ReaderParts, 'influx'>,
  spaceId: SpaceId,
  spans: readonly Span[],
  marks: Marks,
): Promise<Profile[]> {
  const fromMs = Math.max(spans[0]?.fromMs ?? 0, OLDEST_EVENT_MS);
  const untilMs = Math.min(spans.at(-1)?.untilMs ?? 0, END_OF_TIME_MS);
  if (fromMs >= untilMs) return spans.map(() => ({ entrances: 0, exits: 0, lowest: 0, highest: 0 }));
  const ask = (body: string) => influx.query(`${fluxOf('profile', { space: spaceId })}\n${body}\n`);
  const raw = rawHours(spans, marks);
  const range = { first: Math.floor(fromMs / DAY_MS), last: Math.floor((untilMs - 1) / DAY_MS) };
  const days = await wholeDays(ask, range, marks.days);
  const unrolled = [...days.unrolled].filter((day) => !marks.days.has(day));
  const single = new Set([...marks.days, ...unrolled].filter((day) => day >= range.first && day <= range.last));
  const isWanted = (hour: number) =>
    !raw.has(hour) && hour * HOUR_MS >= fromMs && (hour + 1) * HOUR_MS <= untilMs && single.has(dayOf(hour));
  const [hours, steps] = await Promise.all([
    read(ask, stretchesOf([...single], DAY_MS, HOUR_STRETCHES_MAX), 'hour', { fromMs, untilMs }),
    read(ask, stretchesOf([...raw], HOUR_MS, Number.POSITIVE_INFINITY), 'raw', { fromMs, untilMs }),
  ]);
  const pieces: Piece[] = [
    ...days.hours.filter(({ atMs }) => !raw.has(atMs / HOUR_MS)),
    ...hours.map(hourOf).filter(({ atMs }) => isWanted(atMs / HOUR_MS)),
    ...steps.map(stepOf).map((step) => ({ atMs: step.atMs, step })),
  ];
  return folded(pieces, spans);
}

/** Hours that are marked, or that a span begins or ends within. */
function rawHours(spans: readonly Span[], { hours }: Marks): Set<number> {
  const raw = new Set(hours);
  for (const span of spans) {
    for (const edgeMs of [span.fromMs, span.untilMs]) {
      if (edgeMs % HOUR_MS !== 0) raw.add(Math.floor(edgeMs / HOUR_MS));
    }
  }
  return raw;
}

type Ask = (body: string) => Promise<Row[]>;

/** The hours of the days of the range that are not `marked`; `unrolled`: those that a rollup knows, but not by the hour. */
async function wholeDays(
  ask: Ask,
  { first, last }: { readonly first: number; readonly last: number },
  marked: ReadonlySet<number>,
): Promise<{ hours: (Piece & { hour: Rollup })[]; unrolled: Set<number> }> {
  const range = `(start: ${instant(first * DAY_MS)}, stop: ${instant((last + 1) * DAY_MS)})`;
  const rows = await ask(`days${range} |> yield(name: "days")\nrolled${range} |> yield(name: "rolled")`);
  const newest = new Map<number, { readonly time: string; readonly text: string }>();
  const unrolled = new Set<number>();
  for (const row of rows) {
    const { timestampMs, offset } = placeOf(row['_time']);
    const day = Math.floor(timestampMs / DAY_MS);
    if (row['result'] === 'rolled') unrolled.add(day);
    else {
      const time = `${timestampMs}${String(offset).padStart(6, '0')}`;
      if ((newest.get(day)?.time ?? '') < time) newest.set(day, { time, text: String(row['_value'] ?? '') });
    }
  }
  const hours = [...newest].flatMap(([day, { text }]) => {
    unrolled.delete(day);
    if (marked.has(day)) return [];
    return hoursFrom(text).map(({ hour, ...sums }) => ({ atMs: day * DAY_MS + hour * HOUR_MS, hour: sums }));
  });
  return { hours, unrolled };
}

/** Numbered buckets that follow one another as one stretch; as a single one where there would be more than `most`. */
function stretchesOf(
  numbers: readonly number[],
  lengthMs: number,
  most: number,
): { startMs: number; stopMs: number }[] {
  const stretches: { startMs: number; stopMs: number }[] = [];
  for (const number of numbers.toSorted((one, other) => one - other)) {
    const last = stretches.at(-1);
    if (last !== undefined && last.stopMs >= number * lengthMs) last.stopMs = (number + 1) * lengthMs;
    else stretches.push({ startMs: number * lengthMs, stopMs: (number + 1) * lengthMs });
  }
  const [first, last] = [stretches[0], stretches.at(-1)];
  if (stretches.length <= most || first === undefined || last === undefined) return stretches;
  return [{ startMs: first.startMs, stopMs: last.stopMs }];
}

async function read(
  ask: Ask,
  stretches: readonly { readonly startMs: number; readonly stopMs: number }[],
  level: 'hour' | 'raw',
  { fromMs, untilMs }: Span,
): Promise<Row[]> {
  const segments = stretches
    .map(
      ({ startMs, stopMs }): Segment => ({
        level,
        startMs: Math.max(startMs, fromMs),
        stopMs: Math.min(stopMs, untilMs),
      }),
    )
    .filter(({ startMs, stopMs }) => startMs < stopMs);
  const rows: Row[] = [];
  const work = async () => {
    for (
      let next = segments.splice(0, STREAMS_PER_QUERY);
      next.length > 0;
      next = segments.splice(0, STREAMS_PER_QUERY)
    ) {
      rows.push(
        ...(await ask(next.map((segment, index) => `${streamOf(segment)} |> yield(name: "${index}")`).join('\n'))),
      );
    }
  };
  await Promise.all(Array.from({ length: QUERIES_AT_ONCE }, work));
  return rows;
}

function hourOf(row: Row): Piece {
  const number = (name: string) => Number(row[name]);
  const sums = { entrances: number('entrances'), exits: number('exits') };
  const atMs = Math.floor(placeOf(row['_time']).timestampMs / HOUR_MS) * HOUR_MS;
  return { atMs, hour: { ...sums, lowest: number('lowest'), highest: number('highest') } };
}

function dayOf(hour: number): number {
  return Math.floor(hour / HOURS_PER_DAY);
}

function folded(pieces: Piece[], spans: readonly Span[]): Profile[] {
  pieces.sort((one, other) => one.atMs - other.atMs);
  let next = 0;
  return spans.map(({ fromMs, untilMs }) => {
    while ((pieces[next]?.atMs ?? Number.POSITIVE_INFINITY) < fromMs) next += 1;
    const first = next;
    while ((pieces[next]?.atMs ?? Number.POSITIVE_INFINITY) < untilMs) next += 1;
    return fold(pieces.slice(first, next));
  });
}

/** Pieces in order as one profile. */
function fold(pieces: readonly Piece[]): Profile {
  const sum = { entrances: 0, exits: 0, lowest: 0, highest: 0 };
  const add = (profile: Rollup) => {
    const net = sum.entrances - sum.exits;
    sum.lowest = Math.min(sum.lowest, net + profile.lowest);
    sum.highest = Math.max(sum.highest, net + profile.highest);
    sum.entrances += profile.entrances;
    sum.exits += profile.exits;
  };
  let steps: Step[] = [];
  for (const piece of pieces) {
    if ('step' in piece) {
      steps.push(piece.step);
      continue;
    }
    add(walk(steps));
    steps = [];
    add(piece.hour);
  }
  add(walk(steps));
  return sum;
}
