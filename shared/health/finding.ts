// A finding: what the numbers give away about a sensor or a space, with its evidence and what to do about it.
import type { Floorplan } from '../floorplan.ts';
import type { Heard } from '../heard.ts';
import type { DpuId, SpaceId } from '../ids.ts';
import type { Span, StoredEvent } from '../storage/history.ts';
import type { SpaceWatch } from '../watch.ts';

export const FINDING_KINDS = [
  'reversed_sensor',
  'one_way',
  'silent_dpu',
  'sequence_reused',
  'same_people',
  'clock_off',
  'unknown_dpu',
  'over_capacity',
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

export type Finding = {
  readonly kind: FindingKind;
  readonly spaceIds: readonly SpaceId[];
  readonly dpuIds: readonly string[];
  /** Numbers by name, units last. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Moments by name, ms since 1970 UTC. */
  readonly times: Readonly<Record<string, number>>;
  readonly action: string;
};

/** What is looked at: the events of a span, by DPU and in the order of their timestamps. */
export type Observation = {
  readonly span: Span;
  readonly plan: Floorplan;
  readonly watch: SpaceWatch;
  readonly eventsOf: ReadonlyMap<DpuId, readonly StoredEvent[]>;
  /** Of the DPUs that have not sent anything for a while; null: never heard. */
  readonly heardOf: ReadonlyMap<DpuId, Heard | null>;
};

/** The value below which `share` of `sorted` lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
