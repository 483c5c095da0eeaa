// Port: the counts of now, kept by the processor so that asking for them costs one look-up.
import type { Heard } from '../heard.ts';
import type { DpuId, SpaceId } from '../ids.ts';

export type LiveCount = {
  readonly spaceId: SpaceId;
  /** The reset that `net` starts after, ms since 1970 UTC; null: none; `moving`: not known for all deltas yet, so `net` says nothing. */
  readonly startAtMs: number | null | 'moving';
  /** Entrances less exits of all stored deltas with timestamp > startAtMs, those ahead of the clock included. */
  readonly net: number;
  /** The newest timestamp among all deltas of the space; null when it has none. */
  readonly newestMs: number | null;
  /** Grows with every change of any count of the space. */
  readonly revision: number;
};

export type LiveReader = {
  /** One answer for each of `spaceIds`, in their order; zeros for a space without deltas. */
  counts(spaceIds: readonly SpaceId[]): Promise<LiveCount[]>;
  /** What has been heard of each of `dpuIds`, in their order, with all events before it stored; null: nothing. */
  heard(dpuIds: readonly DpuId[]): Promise<(Heard | null)[]>;
};
