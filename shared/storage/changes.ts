// Port: the change feed. Which counts changed since a place in it, by how much and why, each change once and in order.
import type { DpuId, SpaceId } from '../ids.ts';

/** `fact`: the number of the one that made the change; of a reset null for one that came due by itself. */
export type ChangeCause =
  | { readonly kind: 'event'; readonly dpuId: DpuId }
  | { readonly kind: 'recount'; readonly fact: number }
  | { readonly kind: 'reset'; readonly fact: number | null };

/** Counts of the space in [fromMs, untilMs) (null: for ever) changed by `change`. */
export type CountChange = {
  readonly spaceId: SpaceId;
  readonly fromMs: number;
  readonly untilMs: number | null;
  readonly change: number;
  readonly cause: ChangeCause;
  readonly recordedAtMs: number;
  /** It is change `number` of its partition; numbers grow, and need not be consecutive. */
  readonly partition: number;
  readonly number: number;
  /** The place after it. */
  readonly cursor: string;
};

/**
 * A place in the feed: up to which number it has been read in each partition. As text the one number, or with several
 * partitions `<their sum>-<of partition 0>.<of partition 1>…`: it begins with a number that grows along the feed.
 */
export function numbersAt(place: string): number[] {
  const dash = place.indexOf('-');
  return (dash === -1 ? place : place.slice(dash + 1)).split('.').map(Number);
}

/** The opposite of `numbersAt`. */
export function placeOf(numbers: readonly number[]): string {
  if (numbers.length === 1) return String(numbers[0]);
  return `${numbers.reduce((sum, number) => sum + number, 0)}-${numbers.join('.')}`;
}

export type ChangesPage = { readonly results: readonly CountChange[]; readonly next: string };

export type ChangeReader = {
  /**
   * Up to `limit` changes after `cursor` (null: from the beginning), of `spaceIds` (null: of all), and the place to go on
   * from, also when there are none yet. Bounded work: fewer than `limit` does not mean that there are no more.
   * `expired`: changes after the cursor are no longer kept. `invalid`: it is no place in this feed.
   * From the beginning, all changes together make every count.
   */
  changes(
    cursor: string | null,
    spaceIds: readonly SpaceId[] | null,
    limit: number,
  ): Promise<ChangesPage | 'expired' | 'invalid'>;
  /** The place after the newest change. */
  newestChange(): Promise<string>;
};
