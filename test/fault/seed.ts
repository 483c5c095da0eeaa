// Seeded chance: every fault test draws from it, so that the seed it prints replays the same choices.
import { randomInt } from 'node:crypto';
import { setting } from '../support/setting.ts';

export type Random = {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [0, limit). */
  below(limit: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
};

/** The seed of this run: FOOTFALL_FAULT_SEED to replay one, otherwise a fresh one. */
export function runSeed(): number {
  return setting('FOOTFALL_FAULT_SEED', randomInt(2 ** 32));
}

/** The same numbers for the same seeds; `seeds` after the first name a part of the run. Mulberry32. */
export function seededRandom(...seeds: readonly number[]): Random {
  let state = 0;
  const step = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  for (const seed of seeds) state = step() ^ seed;
  const next = () => step() / 2 ** 32;
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (items) => items[below(items.length)] as (typeof items)[number],
  };
}
