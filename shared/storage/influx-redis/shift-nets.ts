// What a partition's deltas change by when resets change: of each shift one span of them begins or ends to count.
import { OLDEST_EVENT_MS } from '../../event.ts';
import type { ResetShift } from '../../reset-shift.ts';
import type { HistoryParts } from './history-parts.ts';
import { fluxOf, id, instant, rowsOf } from './influx-rows.ts';
import { placeOf as rowPlaceOf } from './judge.ts';

/** Each is a stream of the query; 50 take some 80 ms. */
const SEGMENTS_PER_QUERY = 40;
/** With more instants of one space than this, all that it has between the first and the last is read by quarters of an hour. */
const INSTANTS_MAX = 20;
/** Time zones differ by quarters of an hour, so a daily reset at a full hour, half or quarter begins one everywhere. */
const QUARTER_MS = 900_000;

/** Deltas in (afterMs, untilMs]. */
type Segment = { readonly afterMs: number; readonly untilMs: number; readonly spaceIds: string[] };
/** Of the deltas of a space from the net before it until `untilMs`. */
type Net = { readonly spaceId: string; readonly untilMs: number; readonly net: number };
type Parts = Pick<HistoryParts, 'influx' | 'ownership'>;

/**
 * For each shift what it changes by: its base, which is the share of partition 0, and the net of the deltas of this
 * partition. All points must be those of what is committed, and no others.
 */
export async function changesOfShifts(parts: Parts, shifts: readonly ResetShift[]): Promise<number[]> {
  const sumOf = await sumsUpTo(parts, shifts);
  return shifts.map((shift) => {
    const { spaceId, base, wasAfterMs, becomesAfterMs } = shift;
    const net = sumOf(spaceId, wasAfterMs) - sumOf(spaceId, becomesAfterMs);
    return (parts.ownership.partition === 0 ? base : 0) + net;
  });
}

/** The net of a space's deltas up to each instant that the shifts name, from the earliest of them on. */
async function sumsUpTo(parts: Parts, shifts: readonly ResetShift[]) {
  const instants = new Map<string, Set<number>>();
  for (const { spaceId, wasAfterMs, becomesAfterMs } of shifts) {
    if (wasAfterMs === becomesAfterMs) continue;
    const ofSpace = instants.get(spaceId) ?? new Set();
    instants.set(spaceId, ofSpace.add(placeOf(wasAfterMs)).add(placeOf(becomesAfterMs)));
  }
  const segments = new Map<string, Segment>();
  const found: Net[] = [];
  for (const [spaceId, ofSpace] of instants) {
    const inOrder = [...ofSpace].sort((one, other) => one - other);
    const split =
      inOrder.length > INSTANTS_MAX ? await quarters(parts, spaceId, inOrder) : { nets: [], cuts: [inOrder] };
    found.push(...split.nets);
    for (const [afterMs, untilMs] of split.cuts.flatMap(pairs)) {
      const segment = segments.get(`${afterMs} ${untilMs}`) ?? { afterMs, untilMs, spaceIds: [] };
      segments.set(`${afterMs} ${untilMs}`, segment);
      segment.spaceIds.push(spaceId);
    }
  }
  found.push(...(await netsOf(parts, [...segments.values()])));
  const sums = new Map<string, number>();
  const netsOfSpace = Map.groupBy(found, ({ spaceId }) => spaceId);
  for (const [spaceId, ofSpace] of instants) {
    const nets = (netsOfSpace.get(spaceId) ?? []).sort((one, other) => one.untilMs - other.untilMs);
    let [sum, at] = [0, 0];
    for (const instantMs of [...ofSpace].sort((one, other) => one - other)) {
      for (; at < nets.length && (nets[at] as Net).untilMs <= instantMs; at++) sum += (nets[at] as Net).net;
      sums.set(`${spaceId} ${instantMs}`, sum);
    }
  }
  return (spaceId: string, afterMs: number | null) => sums.get(`${spaceId} ${placeOf(afterMs)}`) ?? 0;
}

/**
 * The nets of a space between the first and the last of many instants, by quarters of an hour; `cuts`: pairs of them are
 * what is still to be asked for, because an instant lies within their quarter.
 */
async function quarters(
  { influx, ownership }: Parts,
  spaceId: string,
  instants: readonly number[],
): Promise<{ nets: Net[]; cuts: number[][] }> {
  const [firstMs, lastMs] = [instants[0] as number, instants.at(-1) as number];
  const range = { startMs: firstMs + 1, stopMs: lastMs + 1 };
  const rows = await rowsOf(influx, 'windows-of-partition', {
    partition: ownership.partition,
    space: spaceId,
    ...range,
  });
  const cut = Map.groupBy(
    instants.filter((atMs) => atMs % QUARTER_MS !== 0),
    (atMs) => Math.floor(atMs / QUARTER_MS),
  );
  const nets: Net[] = [];
  const cuts = new Map<number, number[]>();
  for (const row of rows) {
    const quarter = Math.floor((rowPlaceOf(row['_time']).timestampMs - 1) / QUARTER_MS);
    const [afterMs, untilMs] = [quarter * QUARTER_MS, (quarter + 1) * QUARTER_MS];
    const within = cut.get(quarter);
    if (within === undefined) nets.push({ spaceId, untilMs, net: Number(row['_value']) });
    else {
      const edges = [Math.max(afterMs, firstMs), ...within, Math.min(untilMs, lastMs)];
      cuts.set(quarter, [...new Set(edges)]);
    }
  }
  return { nets, cuts: [...cuts.values()] };
}

/** Each with the one after it. */
function pairs(instants: readonly number[]): [number, number][] {
  return instants.slice(1).map((atMs, index) => [instants[index] as number, atMs]);
}

/** Of each segment the nets of its spaces. */
async function netsOf({ influx, ownership }: Parts, segments: readonly Segment[]): Promise<Net[]> {
  const nets: Net[] = [];
  for (let at = 0; at < segments.length; at += SEGMENTS_PER_QUERY) {
    const asked = segments.slice(at, at + SEGMENTS_PER_QUERY);
    const yields = asked.map(({ afterMs, untilMs, spaceIds }, index) => {
      const range = `start: ${instant(afterMs + 1)}, stop: ${instant(untilMs + 1)}`;
      const stream = spaceIds.length === 1 ? `ofSpace(space: ${id(String(spaceIds[0]))}, ${range})` : `ofAll(${range})`;
      return `${stream} |> yield(name: "${index}")`;
    });
    const { partition } = ownership;
    const rows = await influx.query(`${fluxOf('nets-of-partition', { partition })}\n${yields.join('\n')}\n`);
    for (const row of rows) {
      const segment = asked[Number(row['result'])] as Segment;
      const spaceId = String(row['space']);
      if (segment.spaceIds.includes(spaceId))
        nets.push({ spaceId, untilMs: segment.untilMs, net: Number(row['_value']) });
    }
  }
  return nets;
}

/** Null: before the first delta. */
function placeOf(afterMs: number | null): number {
  return Math.max(afterMs ?? 0, OLDEST_EVENT_MS - 1);
}
