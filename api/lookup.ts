// Looking things of the floor plan up by id, or answering 404.
import type { Doorway, Dpu, Floorplan, RecordedReset, Space } from '../shared/floorplan.ts';
import type { DoorwayId, DpuId, SpaceId } from '../shared/ids.ts';
import { type Fault, Problem } from './problem.ts';

type Kind = 'space' | 'doorway' | 'dpu' | 'placement' | 'void' | 'outage' | 'reset';
const NAMES: Record<Kind, string> = {
  space: 'space',
  doorway: 'doorway',
  dpu: 'DPU',
  placement: 'placement',
  void: 'void',
  outage: 'outage',
  reset: 'reset',
};

/** A 404 for the thing named in the path, or for a thing that `field` of a body names. */
export function notFound(kind: Kind, id: string, field?: string): Problem {
  const message = `there is no ${NAMES[kind]} ${id}`;
  const errors: Fault[] = field === undefined ? [] : [{ path: field, message }];
  return new Problem(`${kind}_not_found`, message, { errors });
}

/** A 409 for using or changing what is retired. */
export function retired(kind: Kind, id: string, field?: string): Problem {
  const message = `${NAMES[kind]} ${id} is retired: it answers for the past and cannot be used anew; choose another id`;
  return new Problem('id_retired', message, field === undefined ? {} : { errors: [{ path: field, message }] });
}

/** A 409 for making what is there already. */
export function taken(kind: Kind, id: string, isRetired: boolean): Problem {
  if (isRetired) return retired(kind, id);
  return new Problem('already_exists', `there is a ${NAMES[kind]} ${id} already; PUT or PATCH changes it`);
}

export function spaceOf(plan: Floorplan, id: SpaceId, field?: string): Space {
  return found(plan.spaces.get(id), 'space', id, field);
}

export function doorwayOf(plan: Floorplan, id: DoorwayId, field?: string): Doorway {
  return found(plan.doorways.get(id), 'doorway', id, field);
}

export function dpuOf(plan: Floorplan, id: DpuId, field?: string): Dpu {
  return found(plan.dpus.get(id), 'dpu', id, field);
}

export function placementOf(plan: Floorplan, dpuId: DpuId, id: string): Dpu['placements'][number] {
  const placement = dpuOf(plan, dpuId).placements.find((candidate) => candidate.id === id);
  return found(placement, 'placement', id);
}

export function voidOf(plan: Floorplan, dpuId: DpuId, id: string): Dpu['voids'][number] {
  const entry = dpuOf(plan, dpuId).voids.find((candidate) => candidate.id === id);
  return found(entry, 'void', id);
}

export function outageOf(plan: Floorplan, dpuId: DpuId, id: string): Dpu['outages'][number] {
  const entry = dpuOf(plan, dpuId).outages.find((candidate) => candidate.id === id);
  return found(entry, 'outage', id);
}

export function resetOf(plan: Floorplan, spaceId: SpaceId, id: string): RecordedReset {
  const resets = plan.resets.get(spaceOf(plan, spaceId).id) ?? [];
  const reset = resets.find((candidate) => candidate.id === id);
  return found(reset, 'reset', id);
}

function found<Thing>(thing: Thing | undefined, kind: Kind, id: string, field?: string): Thing {
  if (thing === undefined) throw notFound(kind, id, field);
  return thing;
}
