// The floor plan in memory: what all facts up to one number say together. Pure; asked by the processor and the API.
import type { Change, DoorwayVersion, Fact, Outage, Placement, Reset, SpaceVersion, Void } from './fact.ts';
import type { DoorwayId, DpuId, OutageId, PlacementId, ResetId, SpaceId, VoidId } from './ids.ts';
import { withVersion } from './versions.ts';

export type Recorded = { readonly factNumber: number; readonly recordedAtMs: number };

export type Space = {
  readonly id: SpaceId;
  readonly name: string;
  readonly capacity: number | null;
  readonly retiredAtMs: number | null;
  readonly versions: readonly SpaceVersion[];
};

export type Doorway = {
  readonly id: DoorwayId;
  readonly name: string;
  readonly retiredAtMs: number | null;
  readonly versions: readonly DoorwayVersion[];
};

export type Dpu = {
  readonly id: DpuId;
  readonly name: string;
  readonly retiredAtMs: number | null;
  readonly placements: readonly (Placement & Recorded)[];
  readonly voids: readonly (Void & Recorded & { readonly revokedAtMs: number | null })[];
  readonly outages: readonly (Outage & Recorded & { readonly revokedAtMs: number | null })[];
};

export type RecordedReset = Reset & Recorded & { readonly revokedAtMs: number | null };

/** The floor plan after fact `factNumber` (0: empty). Objects in it are never changed, only replaced. */
export class Floorplan {
  factNumber = 0;
  readonly spaces = new Map<SpaceId, Space>();
  readonly doorways = new Map<DoorwayId, Doorway>();
  readonly dpus = new Map<DpuId, Dpu>();
  /** Resets of each space, revoked ones included, as recorded. */
  readonly resets = new Map<SpaceId, readonly RecordedReset[]>();
  /** Spaces and DPUs by what was made for them, for changes that name only the latter's id. */
  readonly spaceOfReset = new Map<ResetId, SpaceId>();
  readonly dpuOfPlacement = new Map<PlacementId, DpuId>();
  readonly dpuOfVoid = new Map<VoidId, DpuId>();
  readonly dpuOfOutage = new Map<OutageId, DpuId>();
  /** DPUs that ever had a placement on a doorway. */
  readonly dpusOfDoorway = new Map<DoorwayId, Set<DpuId>>();

  /** Takes in the next fact; a fact that is already in is ignored. */
  apply(fact: Fact): void {
    if (fact.number <= this.factNumber) return;
    this.factNumber = fact.number;
    const recorded = { factNumber: fact.number, recordedAtMs: fact.recordedAtMs };
    applyChange(this, fact.change, recorded);
  }
}

function applyChange(plan: Floorplan, change: Change, recorded: Recorded): void {
  switch (change.kind) {
    case 'space':
    case 'space_version':
    case 'space_removed':
      return applySpace(plan, change);
    case 'doorway':
    case 'doorway_version':
    case 'doorway_removed':
      return applyDoorway(plan, change);
    case 'dpu':
    case 'dpu_removed':
      return applyDpu(plan, change);
    case 'placement':
    case 'placement_withdrawn':
      return applyPlacement(plan, change, recorded);
    case 'void':
    case 'void_revoked':
      return applyVoid(plan, change, recorded);
    case 'outage':
    case 'outage_revoked':
      return applyOutage(plan, change, recorded);
    case 'reset':
    case 'reset_revoked':
      return applyReset(plan, change, recorded);
  }
}

type Of<Kind extends Change['kind']> = Extract<Change, { kind: Kind }>;

function applySpace(plan: Floorplan, change: Of<'space' | 'space_version' | 'space_removed'>): void {
  if (change.kind === 'space_removed') {
    plan.spaces.delete(change.id);
    return;
  }
  const { id } = change;
  const space = plan.spaces.get(id) ?? { id, name: id, capacity: null, retiredAtMs: null, versions: [] };
  if (change.kind === 'space') {
    const { name, capacity, retiredAtMs } = change;
    plan.spaces.set(id, { ...space, name, capacity, retiredAtMs });
  } else {
    const { fromMs, parentId, timeZone, dailyReset } = change;
    const versions = withVersion(space.versions, { fromMs, parentId, timeZone, dailyReset });
    plan.spaces.set(id, { ...space, versions });
  }
}

function applyDoorway(plan: Floorplan, change: Of<'doorway' | 'doorway_version' | 'doorway_removed'>): void {
  if (change.kind === 'doorway_removed') {
    plan.doorways.delete(change.id);
    return;
  }
  const { id } = change;
  const doorway = plan.doorways.get(id) ?? { id, name: id, retiredAtMs: null, versions: [] };
  if (change.kind === 'doorway') {
    plan.doorways.set(id, { ...doorway, name: change.name, retiredAtMs: change.retiredAtMs });
  } else {
    const versions = withVersion(doorway.versions, { fromMs: change.fromMs, a: change.a, b: change.b });
    plan.doorways.set(id, { ...doorway, versions });
  }
}

function applyDpu(plan: Floorplan, change: Of<'dpu' | 'dpu_removed'>): void {
  if (change.kind === 'dpu_removed') {
    plan.dpus.delete(change.id);
    return;
  }
  const dpu = dpuOrNew(plan, change.id);
  plan.dpus.set(change.id, { ...dpu, name: change.name, retiredAtMs: change.retiredAtMs });
}

function applyPlacement(plan: Floorplan, change: Of<'placement' | 'placement_withdrawn'>, recorded: Recorded): void {
  const holder = plan.dpuOfPlacement.get(change.id);
  if (holder !== undefined) {
    const dpu = dpuOrNew(plan, holder);
    plan.dpus.set(holder, { ...dpu, placements: dpu.placements.filter((placement) => placement.id !== change.id) });
    plan.dpuOfPlacement.delete(change.id);
  }
  if (change.kind === 'placement_withdrawn') return;
  const { kind: _, ...placement } = change;
  const dpu = dpuOrNew(plan, change.dpuId);
  plan.dpus.set(change.dpuId, { ...dpu, placements: [...dpu.placements, { ...placement, ...recorded }] });
  plan.dpuOfPlacement.set(change.id, change.dpuId);
  const watchers = plan.dpusOfDoorway.get(change.doorwayId) ?? new Set();
  plan.dpusOfDoorway.set(change.doorwayId, watchers.add(change.dpuId));
}

function applyVoid(plan: Floorplan, change: Of<'void' | 'void_revoked'>, recorded: Recorded): void {
  if (change.kind === 'void_revoked') {
    const dpuId = plan.dpuOfVoid.get(change.id);
    if (dpuId === undefined) return;
    const dpu = dpuOrNew(plan, dpuId);
    const voids = dpu.voids.map((entry) => revokedIf(entry, change.id, recorded));
    plan.dpus.set(dpuId, { ...dpu, voids });
    return;
  }
  const { kind: _, ...entry } = change;
  const dpu = dpuOrNew(plan, change.dpuId);
  plan.dpus.set(change.dpuId, { ...dpu, voids: [...dpu.voids, { ...entry, ...recorded, revokedAtMs: null }] });
  plan.dpuOfVoid.set(change.id, change.dpuId);
}

function applyOutage(plan: Floorplan, change: Of<'outage' | 'outage_revoked'>, recorded: Recorded): void {
  if (change.kind === 'outage_revoked') {
    const dpuId = plan.dpuOfOutage.get(change.id);
    if (dpuId === undefined) return;
    const dpu = dpuOrNew(plan, dpuId);
    plan.dpus.set(dpuId, { ...dpu, outages: dpu.outages.map((entry) => revokedIf(entry, change.id, recorded)) });
    return;
  }
  const { kind: _, ...entry } = change;
  const dpu = dpuOrNew(plan, change.dpuId);
  plan.dpus.set(change.dpuId, { ...dpu, outages: [...dpu.outages, { ...entry, ...recorded, revokedAtMs: null }] });
  plan.dpuOfOutage.set(change.id, change.dpuId);
}

function applyReset(plan: Floorplan, change: Of<'reset' | 'reset_revoked'>, recorded: Recorded): void {
  if (change.kind === 'reset_revoked') {
    const spaceId = plan.spaceOfReset.get(change.id);
    if (spaceId === undefined) return;
    const resets = (plan.resets.get(spaceId) ?? []).map((entry) => revokedIf(entry, change.id, recorded));
    plan.resets.set(spaceId, resets);
    return;
  }
  const { kind: _, ...entry } = change;
  const resets = plan.resets.get(change.spaceId) ?? [];
  plan.resets.set(change.spaceId, [...resets, { ...entry, ...recorded, revokedAtMs: null }]);
  plan.spaceOfReset.set(change.id, change.spaceId);
}

function revokedIf<Entry extends { id: string; revokedAtMs: number | null }>(
  entry: Entry,
  id: string,
  recorded: Recorded,
): Entry {
  return entry.id === id && entry.revokedAtMs === null ? { ...entry, revokedAtMs: recorded.recordedAtMs } : entry;
}

function dpuOrNew(plan: Floorplan, id: DpuId): Dpu {
  return plan.dpus.get(id) ?? { id, name: id, retiredAtMs: null, placements: [], voids: [], outages: [] };
}
