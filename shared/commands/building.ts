// A generated building with a DPU above every door, for trying out and measuring: the same number of DPUs always gives the
// same building, and a building with more DPUs is the smaller one with more added.
//
// campus ⊃ buildings ⊃ 10 floors ⊃ 6 rooms. Ten doors a floor: one to the floor below (of a ground floor: to the
// outside), one to each room, a second one to the last room, and two between neighbouring rooms.

/** A place where somebody can be; null: outside. */
export type Place = string | null;

/** A +1 of `dpuId` is a person going from `from` to `to`. */
export type Door = { readonly dpuId: string; readonly from: Place; readonly to: Place };

export type Building = {
  /** Each space and its parent; parents come first. */
  readonly parents: ReadonlyMap<string, string | null>;
  readonly doors: readonly Door[];
};

const DOORS_A_FLOOR = 10;
const FLOORS_A_BUILDING = 10;

/** The building with `dpus` doors; all ids begin with `prefix`. */
export function generateBuilding(dpus: number, prefix = 'sim'): Building {
  const parents = new Map<string, string | null>([[prefix, null]]);
  const doors: Door[] = [];
  for (let index = 0; index < dpus; index++) {
    const building = `${prefix}-${1 + Math.floor(index / (DOORS_A_FLOOR * FLOORS_A_BUILDING))}`;
    const level = Math.floor(index / DOORS_A_FLOOR) % FLOORS_A_BUILDING;
    const floor = `${building}-${level}`;
    const below = level === 0 ? null : `${building}-${level - 1}`;
    const [from, to] = sidesOf(index % DOORS_A_FLOOR, floor, below);
    parents.set(building, prefix).set(floor, building);
    if (to !== floor) parents.set(to, floor);
    doors.push({ dpuId: `${prefix}-dpu-${index + 1}`, from, to });
  }
  return { parents, doors };
}

function sidesOf(door: number, floor: string, below: Place): [from: Place, to: string] {
  const room = (number: number) => `${floor}-${number}`;
  if (door === 0) return [below, floor];
  if (door <= 6) return [floor, room(door)];
  if (door === 7) return [floor, room(6)];
  return door === 8 ? [room(1), room(2)] : [room(3), room(4)];
}

/** The spaces that somebody at `place` is in: it, and all above it. */
export function spacesAround(building: Building, place: Place): string[] {
  const spaces: string[] = [];
  for (let id = place; id !== null; id = building.parents.get(id) ?? null) spaces.push(id);
  return spaces;
}

type Listed = { readonly id: string; readonly retired_at?: string | null };
export type FloorplanDocument = {
  readonly spaces: readonly Listed[];
  readonly doorways: readonly Listed[];
  readonly dpus: readonly Listed[];
  readonly resets: readonly Listed[];
};

/** The building as a floor plan document (CONTRACT.md, Floor plan). */
export function floorplanOf(building: Building): FloorplanDocument {
  const doorwayOf = (door: Door) => door.dpuId.replace('-dpu-', '-door-');
  const sinceEver = { facing: 'a', from: null, until: null };
  return {
    spaces: [...building.parents].map(([id, parent_id]) => ({ id, parent_id })),
    doorways: building.doors.map((door) => ({ id: doorwayOf(door), a: door.to, b: door.from })),
    dpus: building.doors.map((door) => ({
      id: door.dpuId,
      placements: [{ id: `${door.dpuId}-place`, doorway_id: doorwayOf(door), ...sinceEver }],
    })),
    resets: [],
  };
}
