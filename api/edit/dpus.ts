// What a request to make, change or retire a DPU comes to: changes, decided on the floor plan that holds.
import { z } from 'zod';
import type { Change } from '../../shared/fact.ts';
import type { Dpu, Floorplan } from '../../shared/floorplan.ts';
import type { DpuId } from '../../shared/ids.ts';
import { retired, taken } from '../lookup.ts';
import { dpuId, name } from '../schemas.ts';

export const dpuBodies = {
  post: z.strictObject({ id: dpuId, name: name.optional() }),
  put: z.strictObject({ id: dpuId.optional(), name: name.optional() }),
  patch: z.strictObject({ name: name.optional() }),
};
type Body = { readonly name?: string | undefined };

export function createDpu(plan: Floorplan, id: DpuId, body: Body): Change[] {
  const existing = plan.dpus.get(id);
  if (existing !== undefined) throw taken('dpu', id, existing.retiredAtMs !== null);
  return [{ kind: 'dpu', id, name: body.name ?? id, retiredAtMs: null }];
}

/** The DPU becomes `body`; a name that the body leaves out is the id. */
export function replaceDpu(_: Floorplan, dpu: Dpu, body: Body): Change[] {
  return patchDpu(_, dpu, { name: body.name ?? dpu.id });
}

export function patchDpu(_: Floorplan, dpu: Dpu, { name }: Body): Change[] {
  const { id } = dpu;
  if (dpu.retiredAtMs !== null) throw retired('dpu', id);
  return name === undefined || name === dpu.name ? [] : [{ kind: 'dpu', id, name, retiredAtMs: null }];
}

/** Retires the DPU, or removes it when nothing ever referred to it: no placement, no void, no event. */
export function deleteDpu(plan: Floorplan, dpu: Dpu, nowMs: number, hasEvents: boolean): Change[] {
  const { id, name, retiredAtMs } = dpu;
  if (retiredAtMs !== null) return [];
  const wasPlaced = [...plan.dpusOfDoorway.values()].some((dpus) => dpus.has(id));
  if (hasEvents || wasPlaced || dpu.placements.length > 0 || dpu.voids.length > 0) {
    return [{ kind: 'dpu', id, name, retiredAtMs: nowMs }];
  }
  return [{ kind: 'dpu_removed', id }];
}
