// What a request to make, change or retire a space comes to: changes, decided on the floor plan that holds.
import { z } from 'zod';
import type { Change, SpaceVersion } from '../../shared/fact.ts';
import type { Floorplan, Space } from '../../shared/floorplan.ts';
import type { SpaceId } from '../../shared/ids.ts';
import { versionAt } from '../../shared/versions.ts';
import { retired, spaceOf, taken } from '../lookup.ts';
import { capacity, dailyReset, moment, name, spaceId, timeZone } from '../schemas.ts';
import { refuseCycles } from './tree.ts';

const fields = {
  name: name.optional(),
  parent_id: spaceId.nullable().optional(),
  time_zone: timeZone.optional(),
  daily_reset: dailyReset.optional(),
  capacity: capacity.optional(),
};
const effectiveFrom = moment.optional().describe('From when changed dated fields count; default now.');

export const spaceBodies = {
  post: z.strictObject({ id: spaceId, ...fields }),
  put: z.strictObject({ id: spaceId.optional(), ...fields, effective_from: effectiveFrom }),
  patch: z.strictObject({ ...fields, effective_from: effectiveFrom }),
};
type Fields = Omit<z.output<typeof spaceBodies.patch>, 'effective_from'>;
type Patch = z.output<typeof spaceBodies.patch>;

const STANDARD: Omit<SpaceVersion, 'fromMs'> = { parentId: null, timeZone: 'UTC', dailyReset: null };

/** A space that is new is valid since ever. */
export function createSpace(plan: Floorplan, id: SpaceId, body: Fields): Change[] {
  const existing = plan.spaces.get(id);
  if (existing !== undefined) throw taken('space', id, existing.retiredAtMs !== null);
  const version = versionOf(body, STANDARD);
  if (version.parentId !== id) refuseParent(plan, version.parentId);
  const changes: Change[] = [
    { kind: 'space', id, name: body.name ?? id, capacity: body.capacity ?? null, retiredAtMs: null },
    { kind: 'space_version', id, fromMs: null, ...version },
  ];
  refuseCycles(plan, changes);
  return changes;
}

/** The space becomes `body`; what the body leaves out takes its standard value. */
export function replaceSpace(plan: Floorplan, space: Space, body: Patch, nowMs: number): Change[] {
  const whole = { name: space.id, capacity: null, parent_id: null, time_zone: 'UTC', daily_reset: null };
  return patchSpace(plan, space, { ...whole, ...withoutAbsent(body) }, nowMs);
}

/** The fields that the body has become what it says; dated ones from `effective_from` on. */
export function patchSpace(plan: Floorplan, space: Space, body: Patch, nowMs: number): Change[] {
  const { id } = space;
  if (space.retiredAtMs !== null) throw retired('space', id);
  const changes: Change[] = [];
  const next = {
    name: body.name ?? space.name,
    capacity: body.capacity === undefined ? space.capacity : body.capacity,
  };
  if (next.name !== space.name || next.capacity !== space.capacity) {
    changes.push({ kind: 'space', id, ...next, retiredAtMs: null });
  }
  const fromMs = body.effective_from ?? nowMs;
  const held = versionAt(space.versions, fromMs) ?? STANDARD;
  const version = versionOf(body, held);
  if (!isSameSpaceVersion(version, held)) {
    if (version.parentId !== held.parentId) refuseParent(plan, version.parentId);
    changes.push({ kind: 'space_version', id, fromMs, ...version });
  }
  refuseCycles(plan, changes);
  return changes;
}

/** Retires the space, or removes it when nothing ever referred to it. */
export function deleteSpace(plan: Floorplan, space: Space, nowMs: number): Change[] {
  const { id, name, capacity, retiredAtMs } = space;
  if (retiredAtMs !== null) return [];
  if (!isReferred(plan, id)) return [{ kind: 'space_removed', id }];
  return [{ kind: 'space', id, name, capacity, retiredAtMs: nowMs }];
}

export function isSameSpaceVersion(one: Omit<SpaceVersion, 'fromMs'>, other: Omit<SpaceVersion, 'fromMs'>): boolean {
  return one.parentId === other.parentId && one.timeZone === other.timeZone && one.dailyReset === other.dailyReset;
}

function versionOf(body: Fields, held: Omit<SpaceVersion, 'fromMs'>): Omit<SpaceVersion, 'fromMs'> {
  return {
    parentId: body.parent_id === undefined ? held.parentId : body.parent_id,
    timeZone: body.time_zone ?? held.timeZone,
    dailyReset: body.daily_reset === undefined ? held.dailyReset : body.daily_reset,
  };
}

function refuseParent(plan: Floorplan, parentId: SpaceId | null): void {
  if (parentId === null) return;
  const parent = spaceOf(plan, parentId, 'body.parent_id');
  if (parent.retiredAtMs !== null) throw retired('space', parentId, 'body.parent_id');
}

function isReferred(plan: Floorplan, id: SpaceId): boolean {
  if ((plan.resets.get(id) ?? []).length > 0) return true;
  for (const space of plan.spaces.values()) {
    if (space.versions.some((version) => version.parentId === id)) return true;
  }
  for (const doorway of plan.doorways.values()) {
    if (doorway.versions.some((version) => version.a === id || version.b === id)) return true;
  }
  return false;
}

function withoutAbsent<Body extends object>(body: Body): Body {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as Body;
}
