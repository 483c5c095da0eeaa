// A walk over the deltas of a space: sums, and how low and how high the running sum went.
import { placeOf } from './judge.ts';
import type { Rollup } from './points.ts';

/** One point of `space_delta`; an undo takes back what it names. */
export type Step = { readonly atMs: number; readonly value: number; readonly isUndo: boolean };

/** A row with `_time`, `_value` and, of a difference, `kind`. */
export function stepOf(row: Record<string, string>): Step {
  const { timestampMs } = placeOf(row['_time']);
  return { atMs: timestampMs, value: Number(row['_value']), isUndo: row['kind'] === 'undo' };
}

/** Sums of the steps, and the least and greatest running sum after each millisecond, 0 at the beginning included. */
export function walk(steps: readonly Step[]): Rollup {
  const inOrder = steps.toSorted((one, other) => one.atMs - other.atMs);
  const sums = { entrances: 0, exits: 0, lowest: 0, highest: 0 };
  for (const [index, { atMs, value, isUndo }] of inOrder.entries()) {
    // Taking back an entrance has the value of an exit, and the other way round.
    if (isUndo) {
      if (value < 0) sums.entrances += value;
      else sums.exits -= value;
    } else if (value > 0) sums.entrances += value;
    else sums.exits -= value;
    if (inOrder[index + 1]?.atMs === atMs) continue;
    sums.lowest = Math.min(sums.lowest, sums.entrances - sums.exits);
    sums.highest = Math.max(sums.highest, sums.entrances - sums.exits);
  }
  return sums;
}
