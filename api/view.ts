// The view of a request: what of the floor plan and of the events its key may see and change.
import { Confinements, type Within } from '../shared/confinement.ts';
import type { Change, Fact } from '../shared/fact.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import type { DpuId, PlacementId, SpaceId } from '../shared/ids.ts';
import type { Span } from '../shared/storage/history.ts';
import { versionAt } from '../shared/versions.ts';
import { Problem } from './problem.ts';

export type View = {
  /** What of the floor plan it shows. All else is as if it were not there. */
  readonly plan: Floorplan;
  /** The events that it shows, by their DPU and timestamp; null: all. */
  readonly spans: ReadonlyMap<DpuId, readonly Span[]> | null;
  /** Null: it shows everything. */
  readonly within: Within | null;
  /** Throws forbidden for changes of what is not wholly inside; `plan` is the whole floor plan before them. */
  permit(plan: Floorplan, changes: readonly Change[]): void;
  /** Those of `facts` that it shows, without what they name beyond it. */
  facts(facts: readonly Fact[]): readonly Fact[];
};

/** Makes the view of each root, null for none: the whole. */
export function viewsOf(plan: Floorplan): (rootSpaceId: SpaceId | null, nowMs: number) => View {
  const confinements = new Confinements(plan);
  const whole: View = { plan, spans: null, within: null, permit: () => undefined, facts: (facts) => facts };
  const views = new WeakMap<Within, View>();
  return (rootSpaceId, nowMs) => {
    if (rootSpaceId === null) return whole;
    const within = confinements.of(rootSpaceId, nowMs);
    const view = views.get(within) ?? confinedView(within);
    views.set(within, view);
    return view;
  };
}

function confinedView(within: Within): View {
  return {
    plan: within.plan,
    spans: within.spans,
    within,
    permit: (plan, changes) => {
      for (const change of changes) if (!isPermitted(within, plan, change)) throw beyond(within.rootSpaceId);
    },
    facts: (facts) => factsWithin(within, facts),
  };
}

/** A 403 for what concerns more than the key's part of the building. */
export function beyond(rootSpaceId: SpaceId): Problem {
  const detail = `this key is confined to space ${rootSpaceId}, and this concerns more; ask somebody whose key is not`;
  return new Problem('forbidden', detail);
}

function isPermitted(within: Within, plan: Floorplan, change: Change): boolean {
  const { spaces, dpus } = within.plan;
  const isOwn = (id: DpuId | undefined) => id !== undefined && dpus.has(id) && within.isDpuInside(id);
  switch (change.kind) {
    case 'space':
    case 'space_removed':
      return spaces.has(change.id) || !plan.spaces.has(change.id);
    case 'space_version':
      return isVersionPermitted(within, plan, change);
    case 'doorway':
    case 'doorway_removed':
      return within.isDoorwayInside(change.id) || !plan.doorways.has(change.id);
    case 'doorway_version': {
      if (plan.doorways.has(change.id) && !within.isDoorwayInside(change.id)) return false;
      return [change.a, change.b].every((side) => side === null || spaces.has(side));
    }
    case 'dpu':
    case 'dpu_removed':
      return isOwn(change.id);
    case 'placement':
      return isOwn(change.dpuId) && within.isDoorwayInside(change.doorwayId);
    case 'placement_withdrawn':
      return isOwn(plan.dpuOfPlacement.get(change.id));
    case 'void':
    case 'outage':
      return isOwn(change.dpuId);
    case 'void_revoked':
      return isOwn(plan.dpuOfVoid.get(change.id));
    case 'outage_revoked':
      return isOwn(plan.dpuOfOutage.get(change.id));
    case 'reset':
      return spaces.has(change.spaceId);
    case 'reset_revoked': {
      const spaceId = plan.spaceOfReset.get(change.id);
      return spaceId !== undefined && spaces.has(spaceId);
    }
  }
}

/** A space may move only from inside to inside; the root stays where it hangs. */
function isVersionPermitted(within: Within, plan: Floorplan, change: Extract<Change, { kind: 'space_version' }>) {
  const { spaces } = within.plan;
  const isInside = change.parentId !== null && spaces.has(change.parentId);
  const space = plan.spaces.get(change.id);
  if (space === undefined) return isInside;
  if (!spaces.has(change.id)) return false;
  const held = versionAt(space.versions, change.fromMs ?? Number.NEGATIVE_INFINITY)?.parentId ?? null;
  if (held === change.parentId) return true;
  return change.id !== within.rootSpaceId && isInside && (held === null || spaces.has(held));
}

function factsWithin({ plan }: Within, facts: readonly Fact[]): Fact[] {
  const placed = new Map<PlacementId, boolean>();
  const orOutside = (id: SpaceId | null) => (id !== null && plan.spaces.has(id) ? id : null);
  const marks = [...plan.dpus.values()].flatMap(({ voids, outages }) => [...voids, ...outages]);
  const shownMarks = new Set<string>([...marks, ...[...plan.resets.values()].flat()].map(({ id }) => id));
  /** Null: it is of something beyond. */
  const shown = (change: Change): Change | null => {
    switch (change.kind) {
      case 'space':
      case 'space_removed':
        return plan.spaces.has(change.id) ? change : null;
      case 'space_version':
        return plan.spaces.has(change.id) ? { ...change, parentId: orOutside(change.parentId) } : null;
      case 'doorway':
      case 'doorway_removed':
        return plan.doorways.has(change.id) ? change : null;
      case 'doorway_version': {
        const { a, b } = change;
        return plan.doorways.has(change.id) ? { ...change, a: orOutside(a), b: orOutside(b) } : null;
      }
      case 'dpu':
      case 'dpu_removed':
        return plan.dpus.has(change.id) ? change : null;
      case 'placement':
        placed.set(change.id, plan.dpus.has(change.dpuId) && plan.doorways.has(change.doorwayId));
        return placed.get(change.id) === true ? change : null;
      case 'placement_withdrawn':
        return placed.get(change.id) === true ? change : null;
      case 'void':
      case 'void_revoked':
      case 'outage':
      case 'outage_revoked':
      case 'reset':
      case 'reset_revoked':
        return shownMarks.has(change.id) ? change : null;
    }
  };
  return facts.flatMap((fact) => {
    const change = shown(fact.change);
    return change === null ? [] : [{ ...fact, change }];
  });
}
