// What a request to make, change or retire a doorway comes to: changes, decided on the floor plan that holds.
import { z } from 'zod';
import type { Change, DoorwayVersion } from '../../shared/fact.ts';
import type { Doorway, Floorplan } from '../../shared/floorplan.ts';
import type { DoorwayId, SpaceId } from '../../shared/ids.ts';
import { versionAt } from '../../shared/versions.ts';
import { retired, spaceOf, taken } from '../lookup.ts';
import { invalidField } from '../problem.ts';
import { doorwayId, moment, name, spaceId } from '../schemas.ts';

const side = spaceId.nullable().describe('Id of a space; null: the outside.');
const sides = { a: side, b: side };
const effectiveFrom = moment.optional().describe('From when changed sides count; default now.');

export const doorwayBodies = {
  post: z.strictObject({ id: doorwayId, name: name.optional(), ...sides }),
  put: z.strictObject({
    id: doorwayId.optional(),
    name: name.optional(),
    ...sides,
    effective_from: effectiveFrom,
  }),
  patch: z.strictObject({
    name: name.optional(),
    a: side.optional(),
    b: side.optional(),
    effective_from: effectiveFrom,
  }),
};
type Post = Omit<z.output<typeof doorwayBodies.post>, 'id'>;
type Put = z.output<typeof doorwayBodies.put>;
type Patch = z.output<typeof doorwayBodies.patch>;
type Sides = Omit<DoorwayVersion, 'fromMs'>;

/** A doorway that is new is valid since ever. */
export function createDoorway(plan: Floorplan, id: DoorwayId, { name, a, b }: Post): Change[] {
  const existing = plan.doorways.get(id);
  if (existing !== undefined) throw taken('doorway', id, existing.retiredAtMs !== null);
  refuseSides(plan, { a, b }, null);
  return [
    { kind: 'doorway', id, name: name ?? id, retiredAtMs: null },
    { kind: 'doorway_version', id, fromMs: null, a, b },
  ];
}

/** The doorway becomes `body`; a name that the body leaves out is the id. */
export function replaceDoorway(plan: Floorplan, doorway: Doorway, body: Put, nowMs: number): Change[] {
  return patchDoorway(plan, doorway, { ...body, name: body.name ?? doorway.id }, nowMs);
}

/** The fields that the body has become what it says; the sides from `effective_from` on. */
export function patchDoorway(plan: Floorplan, doorway: Doorway, body: Patch, nowMs: number): Change[] {
  const { id } = doorway;
  if (doorway.retiredAtMs !== null) throw retired('doorway', id);
  const changes: Change[] = [];
  if (body.name !== undefined && body.name !== doorway.name) {
    changes.push({ kind: 'doorway', id, name: body.name, retiredAtMs: null });
  }
  const fromMs = body.effective_from ?? nowMs;
  const held = versionAt(doorway.versions, fromMs) ?? { a: null, b: null };
  const next = { a: body.a === undefined ? held.a : body.a, b: body.b === undefined ? held.b : body.b };
  if (next.a !== held.a || next.b !== held.b) {
    refuseSides(plan, next, held);
    changes.push({ kind: 'doorway_version', id, fromMs, ...next });
  }
  return changes;
}

/** Retires the doorway, or removes it when no DPU was ever placed on it. */
export function deleteDoorway(plan: Floorplan, doorway: Doorway, nowMs: number): Change[] {
  const { id, name, retiredAtMs } = doorway;
  if (retiredAtMs !== null) return [];
  if ((plan.dpusOfDoorway.get(id)?.size ?? 0) === 0) return [{ kind: 'doorway_removed', id }];
  return [{ kind: 'doorway', id, name, retiredAtMs: nowMs }];
}

/** What is wrong with these sides of a doorway, whatever the floor plan; null: nothing. */
export function faultOfSides({ a, b }: Sides): string | null {
  if (a === null && b === null) return 'a and b are both the outside (null); a doorway joins at least one space';
  return a === b ? 'a and b are the same space; a doorway joins two sides' : null;
}

function refuseSides(plan: Floorplan, next: Sides, held: Sides | null): void {
  const fault = faultOfSides(next);
  if (fault !== null) throw invalidField('body.b', fault);
  for (const side of ['a', 'b'] as const) {
    const id: SpaceId | null = next[side];
    if (id === null || id === held?.[side]) continue;
    if (spaceOf(plan, id, `body.${side}`).retiredAtMs !== null) throw retired('space', id, `body.${side}`);
  }
}
