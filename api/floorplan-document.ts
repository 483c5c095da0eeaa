// The floor plan document: its schema, and the floor plan written as one. What GET gives, PUT takes.
import { z } from 'zod';
import type { Dpu, Floorplan } from '../shared/floorplan.ts';
import type { Dated } from '../shared/versions.ts';
import { isSameSpaceVersion } from './edit/spaces.ts';
import {
  capacity,
  change,
  count,
  dailyReset,
  doorwayId,
  dpuId,
  facing,
  givenId,
  moment,
  name,
  placementId,
  reason,
  spaceId,
  timeZone,
} from './schemas.ts';
import {
  doorwayShape,
  doorwayVersionShape,
  dpuShape,
  outageFieldsShape,
  placementShape,
  resetFieldsShape,
  spaceShape,
  spaceVersionShape,
  voidFieldsShape,
} from './shapes.ts';

const retired_at = moment.nullable().optional().describe('Retired since; it stays in the document for the past.');
const versions = 'The whole history, the first `from` null. Without it: like this since ever, or from now on.';
const spaceFields = {
  parent_id: spaceId.nullable().optional(),
  time_zone: timeZone.optional(),
  daily_reset: dailyReset.optional(),
};
const side = spaceId.nullable();
/** When it was recorded: the service says so itself, and takes no notice of it here. */
const recorded = { recorded_at: moment.optional(), revoked_at: moment.nullable().optional() };

const spaceEntry = z.strictObject({
  id: spaceId,
  name: name.optional(),
  ...spaceFields,
  capacity: capacity.optional(),
  retired_at,
  versions: z
    .array(z.strictObject({ from: moment.nullable(), ...spaceFields }))
    .min(1)
    .optional()
    .describe(versions),
});
const doorwayEntry = z.strictObject({
  id: doorwayId,
  name: name.optional(),
  a: side.optional(),
  b: side.optional(),
  retired_at,
  versions: z
    .array(z.strictObject({ from: moment.nullable(), a: side, b: side }))
    .min(1)
    .optional()
    .describe(versions),
});
const placementEntry = z.strictObject({
  id: placementId.optional(),
  dpu_id: dpuId.optional(),
  doorway_id: doorwayId,
  facing,
  from: moment.nullable().optional(),
  until: moment.nullable().optional(),
});
const voidEntry = z.strictObject({
  id: givenId.optional(),
  dpu_id: dpuId.optional(),
  from: moment,
  until: moment,
  reason: reason.optional(),
  ...recorded,
});
const outageEntry = voidEntry.extend({
  from: moment.nullable().optional(),
  until: moment.nullable().optional(),
});
const dpuEntry = z.strictObject({
  id: dpuId,
  name: name.optional(),
  retired_at,
  placements: z.array(placementEntry).default([]),
  voids: z.array(voidEntry).default([]),
  outages: z
    .array(outageEntry)
    .optional()
    .describe('They change no count: without them those of the DPU stay as they are.'),
});
const resetEntry = z.strictObject({
  id: givenId.optional(),
  space_id: spaceId,
  at: moment,
  count: count.nullable().optional(),
  change: change.nullable().optional(),
  reason: reason.optional(),
  ...recorded,
});

export const floorplanDocument = z
  .strictObject({
    spaces: z.array(spaceEntry).default([]),
    doorways: z.array(doorwayEntry).default([]),
    dpus: z.array(dpuEntry).default([]),
    resets: z.array(resetEntry).default([]),
  })
  .meta({ id: 'FloorplanDocument' });

export type FloorplanDocument = z.output<typeof floorplanDocument>;
export type SpaceEntry = z.output<typeof spaceEntry>;
export type DoorwayEntry = z.output<typeof doorwayEntry>;
export type DpuEntry = z.output<typeof dpuEntry>;
export type PlacementEntry = z.output<typeof placementEntry>;
export type VoidEntry = z.output<typeof voidEntry>;
export type OutageEntry = z.output<typeof outageEntry>;
export type ResetEntry = z.output<typeof resetEntry>;

/** The floor plan at `nowMs` with everything that a count of any moment depends on, retired things included. */
export function documentOf(plan: Floorplan, nowMs: number) {
  return {
    spaces: byId(plan.spaces).map((space) => ({
      ...spaceShape(space, nowMs),
      ...versionsOf(essential(space.versions, isSameSpaceVersion), spaceVersionShape),
    })),
    doorways: byId(plan.doorways).map((doorway) => ({
      ...doorwayShape(doorway, nowMs),
      ...versionsOf(essential(doorway.versions, isSameSides), doorwayVersionShape),
    })),
    dpus: byId(plan.dpus).map((dpu) => ({
      ...dpuShape(dpu),
      placements: dpu.placements.map(placementShape),
      voids: dpu.voids.filter((entry) => entry.revokedAtMs === null).map(voidFieldsShape),
      ...outagesOf(dpu),
    })),
    resets: byId(plan.spaces).flatMap(({ id }) =>
      (plan.resets.get(id) ?? []).filter((reset) => reset.revokedAtMs === null).map(resetFieldsShape),
    ),
  };
}

/** Only of a DPU that has some. */
function outagesOf(dpu: Dpu) {
  const outages = dpu.outages.filter((entry) => entry.revokedAtMs === null).map(outageFieldsShape);
  return outages.length === 0 ? {} : { outages };
}

/** Sorted, so that equal floor plans are equal documents; placements, voids and resets stay in the order they were recorded. */
function byId<Item extends { readonly id: string }>(items: ReadonlyMap<string, Item>): Item[] {
  return [...items.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
}

type Sides = { readonly a: string | null; readonly b: string | null };

export function isSameSides(one: Sides, other: Sides): boolean {
  return one.a === other.a && one.b === other.b;
}

/** The versions without those that say the same as the one before. */
export function essential<Version extends Dated>(
  versions: readonly Version[],
  isSame: (one: Version, other: Version) => boolean,
): readonly Version[] {
  return versions.filter((version, index) => {
    const before = versions[index - 1];
    return before === undefined || !isSame(version, before);
  });
}

/** Only what has a history needs to tell it. */
function versionsOf<Version extends Dated, Shape>(versions: readonly Version[], shape: (version: Version) => Shape) {
  return versions.length === 1 && versions[0]?.fromMs === null ? {} : { versions: versions.map(shape) };
}
