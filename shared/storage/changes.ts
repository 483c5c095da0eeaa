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
  /** The place after it. */
  readonly cursor: string;
};

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
