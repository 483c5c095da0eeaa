// The way from an event to the spaces it changes: which doorway its DPU watched then, what that joined, and the space tree of that time.
import type { Dpu, Floorplan } from './floorplan.ts';
import type { DoorwayId, DpuId, SpaceId } from './ids.ts';
import { startMs, versionAt } from './versions.ts';

export type MappingStatus = 'counted' | 'unplaced' | 'voided';

/**
 * What a +1 of a DPU does: +1 for each of `enters`, -1 for each of `leaves` (a -1 does the opposite).
 * Both sorted; both empty unless `counted`.
 */
export type Mapping = {
  readonly status: MappingStatus;
  readonly enters: readonly SpaceId[];
  readonly leaves: readonly SpaceId[];
};

export const UNPLACED: Mapping = { status: 'unplaced', enters: [], leaves: [] };
export const VOIDED: Mapping = { status: 'voided', enters: [], leaves: [] };

/** What an event of `direction` mapped so does to the count of the space: +1, -1, or 0. */
export function deltaOf(mapping: Mapping, direction: number, spaceId: SpaceId): number {
  return direction * (Number(mapping.enters.includes(spaceId)) - Number(mapping.leaves.includes(spaceId)));
}

/** Text that is equal exactly for equal mappings. */
export function mappingKey(mapping: Mapping): string {
  return `${mapping.status}|${mapping.enters.join(',')}|${mapping.leaves.join(',')}`;
}

/** The mapping that holds for events of one DPU from `fromMs` until the next period begins. */
export type MappingPeriod = { readonly fromMs: number; readonly mapping: Mapping };

/** Periods in order, the first from minus infinity, neighbours never equal. */
export type Timeline = readonly MappingPeriod[];

/** The mapping of `timeline` at `atMs`; O(log n). */
export function mappingAt(timeline: Timeline, atMs: number): Mapping {
  let low = 0;
  let high = timeline.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((timeline[middle] as MappingPeriod).fromMs <= atMs) low = middle;
    else high = middle - 1;
  }
  return timeline[low]?.mapping ?? UNPLACED;
}

export type DpuTimeline = {
  readonly periods: Timeline;
  /** Every space whose versions or retirement were looked at, existing or not. */
  readonly spaces: ReadonlySet<SpaceId>;
};

/** What of a floor plan events are mapped by. */
export type Building = Pick<Floorplan, 'dpus' | 'doorways' | 'spaces'>;

/** The whole timeline of a DPU, from all facts in `plan`. */
export function timelineOf(plan: Building, dpuId: DpuId): DpuTimeline {
  const dpu = plan.dpus.get(dpuId);
  if (dpu === undefined)
    return { periods: [{ fromMs: Number.NEGATIVE_INFINITY, mapping: UNPLACED }], spaces: new Set() };
  const spaces = spacesInvolved(plan, dpu);
  const periods: MappingPeriod[] = [];
  for (const fromMs of turningPoints(plan, dpu, spaces)) {
    const mapping = resolve(plan, dpu, fromMs);
    const last = periods.at(-1);
    if (last === undefined || mappingKey(last.mapping) !== mappingKey(mapping)) periods.push({ fromMs, mapping });
  }
  return { periods, spaces };
}

/** What the DPU's events at `atMs` would do if none of its voids hid them. */
export function mappingWithoutVoids(plan: Building, dpu: Dpu, atMs: number): Mapping {
  return resolve(plan, { ...dpu, voids: [] }, atMs);
}

/** The mapping of the DPU's events at `atMs`, by the rules alone. */
function resolve(plan: Building, dpu: Dpu, atMs: number): Mapping {
  const placement = placementAt(dpu, atMs);
  if (placement === undefined || !existsAt(dpu, atMs)) return UNPLACED;
  const doorway = plan.doorways.get(placement.doorwayId);
  const sides = doorway === undefined ? undefined : versionAt(doorway.versions, atMs);
  if (doorway === undefined || sides === undefined || !existsAt(doorway, atMs)) return UNPLACED;
  if (dpu.voids.some((entry) => entry.revokedAtMs === null && entry.fromMs <= atMs && atMs < entry.untilMs))
    return VOIDED;
  const facing = placement.facing === 'a' ? sides.a : sides.b;
  const behind = placement.facing === 'a' ? sides.b : sides.a;
  return crossing(ancestorsOrSelf(plan, behind, atMs), ancestorsOrSelf(plan, facing, atMs));
}

/** The change of a crossing from where one is in all of `from` to where one is in all of `to`. */
function crossing(from: ReadonlySet<SpaceId>, to: ReadonlySet<SpaceId>): Mapping {
  return { status: 'counted', enters: [...to.difference(from)].sort(), leaves: [...from.difference(to)].sort() };
}

/** The placement that holds at `atMs`: of those covering it the one that began last, then the one recorded last. */
export function placementAt(dpu: Dpu, atMs: number): Dpu['placements'][number] | undefined {
  let holds: Dpu['placements'][number] | undefined;
  for (const placement of dpu.placements) {
    if (startMs(placement) > atMs || (placement.untilMs !== null && atMs >= placement.untilMs)) continue;
    if (holds !== undefined && startMs(placement) < startMs(holds)) continue;
    if (holds !== undefined && startMs(placement) === startMs(holds) && placement.factNumber < holds.factNumber)
      continue;
    holds = placement;
  }
  return holds;
}

/** The spaces that somebody in `spaceId` is in at `atMs`; none for the outside, nor any that are retired by then. */
export function ancestorsOrSelf(plan: Pick<Floorplan, 'spaces'>, spaceId: SpaceId | null, atMs: number): Set<SpaceId> {
  const found = new Set<SpaceId>();
  const seen = new Set<SpaceId>();
  for (let id = spaceId; id !== null && !seen.has(id); ) {
    seen.add(id);
    const space = plan.spaces.get(id);
    if (space === undefined) break;
    if (existsAt(space, atMs)) found.add(id);
    id = versionAt(space.versions, atMs)?.parentId ?? null;
  }
  return found;
}

function existsAt(thing: { retiredAtMs: number | null }, atMs: number): boolean {
  return thing.retiredAtMs === null || atMs < thing.retiredAtMs;
}

function doorwaysOf(dpu: Dpu): Set<DoorwayId> {
  return new Set(dpu.placements.map((placement) => placement.doorwayId));
}

/** All spaces that any version of any doorway of the DPU, or of their parents, ever names. */
function spacesInvolved(plan: Building, dpu: Dpu): Set<SpaceId> {
  const found = new Set<SpaceId>();
  const open: (SpaceId | null)[] = [];
  for (const doorwayId of doorwaysOf(dpu)) {
    for (const version of plan.doorways.get(doorwayId)?.versions ?? []) open.push(version.a, version.b);
  }
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === null || found.has(id)) continue;
    found.add(id);
    for (const version of plan.spaces.get(id)?.versions ?? []) open.push(version.parentId);
  }
  return found;
}

/** Every instant at which the mapping of the DPU may change, in order, minus infinity first. */
function turningPoints(plan: Building, dpu: Dpu, spaces: ReadonlySet<SpaceId>): number[] {
  const points = new Set<number>([Number.NEGATIVE_INFINITY]);
  const add = (...instants: (number | null)[]) => {
    for (const instant of instants) if (instant !== null) points.add(instant);
  };
  add(dpu.retiredAtMs);
  for (const placement of dpu.placements) add(placement.fromMs, placement.untilMs);
  for (const entry of dpu.voids) if (entry.revokedAtMs === null) add(entry.fromMs, entry.untilMs);
  for (const id of doorwaysOf(dpu)) {
    const doorway = plan.doorways.get(id);
    add(doorway?.retiredAtMs ?? null, ...(doorway?.versions ?? []).map((version) => version.fromMs));
  }
  for (const id of spaces) {
    const space = plan.spaces.get(id);
    add(space?.retiredAtMs ?? null, ...(space?.versions ?? []).map((version) => version.fromMs));
  }
  return [...points].sort((one, other) => one - other);
}
