// What a recount does to one event: each delta of before is taken back, each of now is added.
import type { Remapping } from '../../atlas.ts';
import { type Delta, deltasOf } from './space-state.ts';

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
