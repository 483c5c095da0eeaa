// A recount: what a fact maps differently, as differences: each delta of before is taken back, each of now is added.
import type { Remapping } from '../../atlas.ts';
import { OLDEST_EVENT_MS } from '../../event.ts';
import type { Influx } from './influx.ts';
import { rowsOf } from './influx-rows.ts';
import { placeOf } from './judge.ts';
import type { Placed } from './points.ts';
import { type Delta, deltasOf } from './space-state.ts';

/** Events written together. */
const EVENTS_PER_CHUNK = 2_000;
/** After every event that was ever taken (CONTRACT.md: at most FOOTFALL_FUTURE_ALLOWED_S ahead of its receipt). */
export const END_OF_TIME_MS = Date.UTC(2200, 0, 1);

export type Differences = { readonly placed: readonly Placed[]; readonly deltas: readonly (readonly Delta[])[] };

/** The differences of the events that history holds, in chunks. */
export async function* differencesOf(influx: Influx, remapping: Remapping): AsyncGenerator<Differences> {
  const startMs = Math.max(remapping.fromMs, OLDEST_EVENT_MS);
  const stopMs = Math.min(remapping.untilMs, END_OF_TIME_MS);
  if (startMs >= stopMs) return;
  const rows = await rowsOf(influx, 'directions-of-dpu', { dpu: remapping.dpuId, startMs, stopMs });
  const changes = { 1: changesOf(remapping, 1), [-1]: changesOf(remapping, -1) } as const;
  for (let at = 0; at < rows.length; at += EVENTS_PER_CHUNK) {
    const placed: Placed[] = [];
    const deltas: (readonly Delta[])[] = [];
    for (const row of rows.slice(at, at + EVENTS_PER_CHUNK)) {
      const { timestampMs, offset } = placeOf(row['_time']);
      placed.push({ timestampMs, slot: offset });
      deltas.push(changes[Number(row['_value']) === 1 ? 1 : -1]);
    }
    yield { placed, deltas };
  }
}

/** What one event's deltas change by; what is the same before and after is left alone. */
export function changesOf({ was, becomes }: Pick<Remapping, 'was' | 'becomes'>, direction: 1 | -1): Delta[] {
  const before = deltasOf(was, direction);
  const after = deltasOf(becomes, direction);
  const isIn = (deltas: readonly Delta[], delta: Delta) =>
    deltas.some((other) => other.spaceId === delta.spaceId && other.sign === delta.sign);
  return [
    ...before.filter((delta) => !isIn(after, delta)).map((delta) => ({ ...delta, weight: -1 as const })),
    ...after.filter((delta) => !isIn(before, delta)),
  ];
}
