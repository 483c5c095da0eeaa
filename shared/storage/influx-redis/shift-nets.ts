// What a partition's deltas change by when resets change: of each shift one span of them begins or ends to count.
import { OLDEST_EVENT_MS } from '../../event.ts';
import type { ResetShift } from '../../reset-shift.ts';
import type { HistoryParts } from './history-parts.ts';
import { fluxOf, id, instant } from './influx-rows.ts';

/** Each is a stream of the query; 50 take some 80 ms. */
const SEGMENTS_PER_QUERY = 40;

/** Deltas in (afterMs, untilMs]. */
type Segment = { readonly afterMs: number; readonly untilMs: number; readonly spaceIds: string[] };
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
  for (const [spaceId, ofSpace] of instants) {
    const inOrder = [...ofSpace].sort((one, other) => one - other);
    for (const [index, untilMs] of inOrder.entries()) {
      if (index === 0) continue;
      const afterMs = inOrder[index - 1] as number;
      const segment = segments.get(`${afterMs} ${untilMs}`) ?? { afterMs, untilMs, spaceIds: [] };
      segments.set(`${afterMs} ${untilMs}`, segment);
      segment.spaceIds.push(spaceId);
    }
  }
  const nets = await netsOf(parts, [...segments.values()]);
  const sums = new Map<string, number>();
  for (const [spaceId, ofSpace] of instants) {
    let sum = 0;
    for (const untilMs of [...ofSpace].sort((one, other) => one - other)) {
      sum += nets.get(`${spaceId} ${untilMs}`) ?? 0;
      sums.set(`${spaceId} ${untilMs}`, sum);
    }
  }
  return (spaceId: string, afterMs: number | null) => sums.get(`${spaceId} ${placeOf(afterMs)}`) ?? 0;
}

/** Of each space the net of the segment that ends at an instant. */
async function netsOf({ influx, ownership }: Parts, segments: readonly Segment[]): Promise<Map<string, number>> {
  const nets = new Map<string, number>();
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
      nets.set(`${row['space']} ${segment.untilMs}`, Number(row['_value']));
    }
  }
  return nets;
}

/** Null: before the first delta. */
function placeOf(afterMs: number | null): number {
  return Math.max(afterMs ?? 0, OLDEST_EVENT_MS - 1);
}
