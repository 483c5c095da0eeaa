// What a request to place a DPU, or to correct or withdraw a placement, comes to.
import { z } from 'zod';
import type { Change, Placement } from '../../shared/fact.ts';
import type { Doorway, Dpu, Floorplan } from '../../shared/floorplan.ts';
import type { DpuId, PlacementId } from '../../shared/ids.ts';
import { doorwayOf, dpuOf, placementOf, retired } from '../lookup.ts';
import { invalidField, Problem } from '../problem.ts';
import { doorwayId, dpuId, facing, moment, placementId } from '../schemas.ts';

const from = moment.nullable().describe('null: since ever');
const until = moment.nullable().describe('null: still');

export const placementBodies = {
  post: z.strictObject({ doorway_id: doorwayId, facing, from: from.optional(), until: until.optional() }),
  put: z.strictObject({
    id: placementId.optional(),
    dpu_id: dpuId.optional(),
    doorway_id: doorwayId,
    facing,
    from: from.optional(),
    until: until.optional(),
  }),
  patch: z.strictObject({
    doorway_id: doorwayId.optional(),
    facing: facing.optional(),
    from: from.optional(),
    until: until.optional(),
  }),
};
type Whole = z.output<typeof placementBodies.post>;
type Patch = z.output<typeof placementBodies.patch>;

/** Makes the placement `id`, or makes the one that there is anew; nothing when it is like this already. */
export function putPlacement(plan: Floorplan, dpuId: DpuId, id: PlacementId, body: Whole): Change[] {
  const dpu = dpuOf(plan, dpuId);
  const holder = plan.dpuOfPlacement.get(id);
  if (holder !== undefined && holder !== dpuId) {
    throw new Problem('already_exists', `placement ${id} is one of DPU ${holder}; withdraw it there first`);
  }
  const { doorway_id: doorwayId, facing, from: fromMs = null, until: untilMs = null } = body;
  const next: Placement = { id, dpuId, doorwayId, facing, fromMs, untilMs };
  const held = dpu.placements.find((placement) => placement.id === id);
  if (held !== undefined && isSamePlacement(next, held)) return [];
  const fault = faultOfSpan(fromMs, untilMs);
  if (fault !== null) throw invalidField('body.until', fault);
  refusePastRetirement(dpu, untilMs, () => retired('dpu', dpuId));
  const doorway = doorwayOf(plan, doorwayId, 'body.doorway_id');
  refusePastRetirement(doorway, untilMs, () => retired('doorway', doorwayId, 'body.doorway_id'));
  return [{ kind: 'placement', ...next }];
}

/** The fields that the body has become what it says. */
export function patchPlacement(plan: Floorplan, dpuId: DpuId, id: PlacementId, body: Patch): Change[] {
  const held = placementOf(plan, dpuId, id);
  return putPlacement(plan, dpuId, id, {
    doorway_id: body.doorway_id ?? held.doorwayId,
    facing: body.facing ?? held.facing,
    from: body.from === undefined ? held.fromMs : body.from,
    until: body.until === undefined ? held.untilMs : body.until,
  });
}

/** The answer is as if the placement never was. */
export function withdrawPlacement(plan: Floorplan, dpuId: DpuId, id: PlacementId): Change[] {
  return [{ kind: 'placement_withdrawn', id: placementOf(plan, dpuId, id).id }];
}

export function isSamePlacement(one: Omit<Placement, 'id'>, other: Omit<Placement, 'id'>): boolean {
  return (
    one.dpuId === other.dpuId &&
    one.doorwayId === other.doorwayId &&
    one.facing === other.facing &&
    one.fromMs === other.fromMs &&
    one.untilMs === other.untilMs
  );
}

/** What is wrong with [fromMs, untilMs); null: nothing. */
export function faultOfSpan(fromMs: number | null, untilMs: number | null): string | null {
  return fromMs !== null && untilMs !== null && untilMs <= fromMs ? 'it must be after from' : null;
}

/** A retired thing may still be placed, but only for a time when it was not retired yet. */
function refusePastRetirement(thing: Dpu | Doorway, untilMs: number | null, problem: () => Problem): void {
  if (thing.retiredAtMs !== null && (untilMs === null || untilMs > thing.retiredAtMs)) throw problem();
}
