// Port: the counts of now, kept by the processor so that asking for them costs one look-up.
import type { SpaceId } from '../ids.ts';
import type { Sums } from './history.ts';

export type LiveCount = {
  readonly spaceId: SpaceId;
  /** The reset that `sums` starts after, ms since 1970 UTC; null: none. */
  readonly startAtMs: number | null;
  /** Sums of all stored deltas with timestamp > startAtMs, those ahead of the clock included. */
  readonly sums: Sums;
  /** The newest timestamp among all deltas of the space; null when it has none. */
  readonly newestMs: number | null;
  /** Grows with every change of any count of the space. */
  readonly revision: number;
};

export type LiveReader = {
  /** One answer for each of `spaceIds`, in their order; zeros for a space without deltas. */
  counts(spaceIds: readonly SpaceId[]): Promise<LiveCount[]>;
};
