// Facts: the append-only record of everything about the building that an operator has said. Never edited in place.
import type { DoorwayId, DpuId, OutageId, PlacementId, ResetId, SpaceId, VoidId } from './ids.ts';

export type Side = 'a' | 'b';

/** Where a space hangs in the tree and how its days run, from `fromMs` on (null: since ever). */
export type SpaceVersion = {
  readonly fromMs: number | null;
  readonly parentId: SpaceId | null;
  readonly timeZone: string;
  /** Local time `HH:MM` at which the count is set to 0 every day; null: never. */
  readonly dailyReset: string | null;
};

/** What a doorway joins, from `fromMs` on (null: since ever); a side that is null is the outside. */
export type DoorwayVersion = { readonly fromMs: number | null; readonly a: SpaceId | null; readonly b: SpaceId | null };

/** A DPU watches a doorway in [fromMs, untilMs), facing one side; null: since ever, still. */
export type Placement = {
  readonly id: PlacementId;
  readonly dpuId: DpuId;
  readonly doorwayId: DoorwayId;
  readonly facing: Side;
  readonly fromMs: number | null;
  readonly untilMs: number | null;
};

/** Events of the DPU in [fromMs, untilMs) do not count. */
export type Void = {
  readonly id: VoidId;
  readonly dpuId: DpuId;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly reason: string | null;
};

/** The DPU is known to be down in [fromMs, untilMs), so nobody waits for its events; null: since ever, still. */
export type Outage = {
  readonly id: OutageId;
  readonly dpuId: DpuId;
  readonly fromMs: number | null;
  readonly untilMs: number | null;
  readonly reason: string | null;
};

/** At `atMs` the count of the space was `count`, or changed by `change`; exactly one of them is not null. */
export type Reset = {
  readonly id: ResetId;
  readonly spaceId: SpaceId;
  readonly atMs: number;
  readonly count: number | null;
  readonly change: number | null;
  readonly reason: string | null;
};

/** One thing said. Of two that speak of the same (same id, same `fromMs` of a version) the later recorded holds. */
export type Change =
  | {
      readonly kind: 'space';
      readonly id: SpaceId;
      readonly name: string;
      readonly capacity: number | null;
      readonly retiredAtMs: number | null;
    }
  | ({ readonly kind: 'space_version'; readonly id: SpaceId } & SpaceVersion)
  | { readonly kind: 'space_removed'; readonly id: SpaceId }
  | { readonly kind: 'doorway'; readonly id: DoorwayId; readonly name: string; readonly retiredAtMs: number | null }
  | ({ readonly kind: 'doorway_version'; readonly id: DoorwayId } & DoorwayVersion)
  | { readonly kind: 'doorway_removed'; readonly id: DoorwayId }
  | { readonly kind: 'dpu'; readonly id: DpuId; readonly name: string; readonly retiredAtMs: number | null }
  | { readonly kind: 'dpu_removed'; readonly id: DpuId }
  | ({ readonly kind: 'placement' } & Placement)
  | { readonly kind: 'placement_withdrawn'; readonly id: PlacementId }
  | ({ readonly kind: 'void' } & Void)
  | { readonly kind: 'void_revoked'; readonly id: VoidId }
  | ({ readonly kind: 'outage' } & Outage)
  | { readonly kind: 'outage_revoked'; readonly id: OutageId }
  | ({ readonly kind: 'reset' } & Reset)
  | { readonly kind: 'reset_revoked'; readonly id: ResetId };

export type Fact = {
  /** Consecutive from 1: the order in which facts were recorded. */
  readonly number: number;
  /** Server clock, ms since 1970 UTC; never goes back. */
  readonly recordedAtMs: number;
  /** Id of the key that recorded it; null where none was needed. */
  readonly by: string | null;
  readonly change: Change;
};
