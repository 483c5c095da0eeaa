// An office through a week, for findings: who comes in the morning goes in the evening, and every crossing is an event; then something goes wrong.
import { generateBuilding } from '../../shared/commands/building.ts';
import type { Change, Fact } from '../../shared/fact.ts';
import { Floorplan } from '../../shared/floorplan.ts';
import type { Observation } from '../../shared/health/finding.ts';
import type { DoorwayId, DpuId, PlacementId, SpaceId } from '../../shared/ids.ts';
import type { StoredEvent } from '../../shared/storage/history.ts';
import { SpaceWatch } from '../../shared/watch.ts';
import { seededRandom } from '../bench/history-of-events.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
/** A Monday, and the Monday after it. */
export const FROM_MS = Date.UTC(2026, 0, 5);
export const UNTIL_MS = FROM_MS + 7 * DAY_MS;

/** Ground floor with six rooms; DPU 1 is at the entrance, 2 to 7 at the rooms, 8 at the second door of room 6. */
export const BUILDING = generateBuilding(8, 'office');
export const dpu = (number: number): DpuId => `office-dpu-${number}` as DpuId;

export type Journey = { readonly atMs: number; readonly door: number; readonly direction: 1 | -1 };

/** Sixty people a weekday, each with one room, and lunch outside for half of them. */
export function journeys(): Journey[] {
  const random = seededRandom(7);
  const found: Journey[] = [];
  for (let day = 0; day < 5; day++) {
    for (let person = 0; person < 60; person++) {
      const room = 2 + (person % 6);
      const at = (hour: number, spreadHours: number) =>
        FROM_MS + day * DAY_MS + Math.floor((hour + random() * spreadHours) * HOUR_MS);
      const walk = (inMs: number, outMs: number) => {
        found.push({ atMs: inMs, door: 1, direction: 1 }, { atMs: inMs + MINUTE_MS, door: room, direction: 1 });
        found.push({ atMs: outMs, door: room, direction: -1 }, { atMs: outMs + MINUTE_MS, door: 1, direction: -1 });
      };
      const [comes, leaves] = [at(7, 2), at(16, 3)];
      if (person % 2 === 0) walk(comes, leaves);
      else {
        walk(comes, at(11.5, 0.5));
        walk(at(12.5, 0.5), leaves);
      }
    }
  }
  return found.sort((one, other) => one.atMs - other.atMs);
}

/** What the DPU at `door` sends, a fifth of a second after it happened. */
export function eventOf({ atMs, door, direction }: Journey): StoredEvent {
  const recordedAtMs = atMs + 200;
  const counters = { epoch: null, seq: null };
  const stored = { receivedAtMs: recordedAtMs, recordedAtMs, status: 'counted' as const };
  return { dpuId: dpu(door), timestampMs: atMs, direction, ...counters, ...stored };
}

/** The office with `events` in it, looked at until `untilMs`; `more` facts on top. */
export function observe(
  events: readonly StoredEvent[],
  { untilMs = UNTIL_MS, more = [] }: { untilMs?: number; more?: readonly Change[] } = {},
): Observation {
  const plan = new Floorplan();
  const facts = [...building(), ...more].map(
    (change, index): Fact => ({ number: index + 1, recordedAtMs: 0, by: null, change }),
  );
  for (const fact of facts) plan.apply(fact);
  const seen = events.filter(({ timestampMs }) => timestampMs < untilMs);
  seen.sort((one, other) => one.timestampMs - other.timestampMs);
  return {
    span: { fromMs: FROM_MS, untilMs },
    plan,
    watch: new SpaceWatch(facts),
    eventsOf: Map.groupBy(seen, ({ dpuId }) => dpuId),
    heardOf: new Map(),
  };
}

/** `number` stands at the entrance, too. */
export function besideEntrance(number: number): Change[] {
  const dpuId = dpu(number);
  const name = String(dpuId);
  return [
    { kind: 'dpu', id: dpuId, name, retiredAtMs: null },
    { kind: 'placement', ...placementOf(number, 1) },
  ];
}

function placementOf(number: number, door: number) {
  const id = `place-${number}-${door}` as PlacementId;
  const doorwayId = `door-${door}` as DoorwayId;
  return { id, dpuId: dpu(number), doorwayId, facing: 'a' as const, fromMs: null, untilMs: null };
}

function building(): Change[] {
  const changes: Change[] = [];
  for (const [space, parent] of BUILDING.parents) {
    const id = space as SpaceId;
    changes.push({ kind: 'space', id, name: id, capacity: null, retiredAtMs: null });
    const version = { fromMs: null, timeZone: 'UTC', dailyReset: null };
    changes.push({ kind: 'space_version', id, parentId: parent as SpaceId | null, ...version });
  }
  for (const [index, { from, to }] of BUILDING.doors.entries()) {
    const id = `door-${index + 1}` as DoorwayId;
    changes.push({ kind: 'doorway', id, name: id, retiredAtMs: null });
    changes.push({ kind: 'doorway_version', id, fromMs: null, a: to as SpaceId, b: from as SpaceId | null });
    changes.push({ kind: 'dpu', id: dpu(index + 1), name: id, retiredAtMs: null });
    changes.push({ kind: 'placement', ...placementOf(index + 1, index + 1) });
  }
  return changes;
}
