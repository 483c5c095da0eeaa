// What the recorded process is made to do: a few hundred messages, some sent twice or unreadable, and facts between them.

import type { Change } from '../../shared/fact.ts';
import type { DoorwayId, DpuId, PlacementId, ResetId, SpaceId, VoidId } from '../../shared/ids.ts';
import { type Random, seededRandom } from '../fault/seed.ts';

/** All events lie in a few hours of a day long past. */
const FIRST_MS = Date.UTC(2026, 2, 1, 8);
const SPAN_MS = 5 * 3_600_000;

const SPACES = ['floor', 'east', 'west', 'store'] as SpaceId[];
const DPUS = ['d0', 'd1', 'd2', 'd3', 'd4'] as DpuId[];
/** Announced only late in the workload. */
const LATE_DPU = 'd5' as DpuId;

export type WorkloadMessage = {
  readonly dpuId: DpuId;
  readonly payload: string;
  /** Identities of its events; none when it is to be quarantined. */
  readonly identities: readonly string[];
};

export type Workload = {
  readonly messages: readonly WorkloadMessage[];
  /** Facts to record before message number `before`; `upTo` is the number of the newest of them. */
  readonly facts: readonly { readonly before: number; readonly upTo: number; readonly changes: readonly Change[] }[];
};

export function identityOf(event: {
  dpuId: string;
  timestampMs: number;
  direction: number;
  epoch: number | null;
  seq: number | null;
}): string {
  return [event.dpuId, event.timestampMs, event.direction, event.epoch ?? '', event.seq ?? ''].join(' ');
}

export function makeWorkload(seed: number, length: number): Workload {
  const random = seededRandom(seed, 1);
  const messages: WorkloadMessage[] = [];
  for (let number = 0; number < length; number++) messages.push(makeMessage(number, messages, length, random));
  const changes = [
    { before: 0, changes: building() },
    { before: Math.floor(length * 0.15), changes: [placed('p-d1-west', 'd1', 'west-door', FIRST_MS + SPAN_MS / 2)] },
    { before: Math.floor(length * 0.3), changes: [voided('d2', FIRST_MS + SPAN_MS / 4, FIRST_MS + SPAN_MS / 3)] },
    { before: Math.floor(length * 0.45), changes: [counted('east', FIRST_MS + SPAN_MS / 5, 7)] },
    { before: Math.floor(length * 0.6), changes: [withdrawn('p-d1-west')] },
    { before: Math.floor(length * 0.75), changes: [dpu(LATE_DPU), placed('p-d5', LATE_DPU, 'store-door', null)] },
  ];
  let upTo = 0;
  const facts = changes.map((step) => {
    upTo += step.changes.length;
    return { ...step, upTo };
  });
  return { messages, facts };
}

function makeMessage(
  number: number,
  before: readonly WorkloadMessage[],
  length: number,
  random: Random,
): WorkloadMessage {
  if (before.length > 0 && random.chance(0.15)) return random.pick(before.slice(-60));
  const dpuId = number > length * 0.8 && random.chance(0.2) ? LATE_DPU : random.pick(DPUS);
  if (random.chance(0.04)) return { dpuId, payload: `{"number":${number},"direction":`, identities: [] };
  const events = Array.from({ length: random.chance(0.8) ? 1 : 2 + random.below(6) }, () => ({
    timestamp: FIRST_MS + random.below(SPAN_MS),
    direction: random.chance(0.5) ? (1 as const) : (-1 as const),
    ...(random.chance(0.5) ? { epoch: 1, seq: random.below(1_000_000) } : {}),
  }));
  const identities = events.map(({ timestamp, direction, epoch, seq }) =>
    identityOf({ dpuId, timestampMs: timestamp, direction, epoch: epoch ?? null, seq: seq ?? null }),
  );
  return { dpuId, payload: JSON.stringify(events.length === 1 ? events[0] : events), identities };
}

/** East and west lie on one floor; a store beside it. Each DPU on a door of its own. */
function building(): Change[] {
  const doors: [door: string, a: SpaceId | null, b: SpaceId | null, dpuId: DpuId][] = [
    ['main-door', SPACES[0] as SpaceId, null, DPUS[0] as DpuId],
    ['east-door', SPACES[1] as SpaceId, SPACES[0] as SpaceId, DPUS[1] as DpuId],
    ['west-door', SPACES[2] as SpaceId, SPACES[0] as SpaceId, DPUS[2] as DpuId],
    ['store-door', SPACES[3] as SpaceId, SPACES[1] as SpaceId, DPUS[3] as DpuId],
    ['back-door', null, SPACES[3] as SpaceId, DPUS[4] as DpuId],
  ];
  return [
    ...SPACES.flatMap((id) => space(id, id === 'east' || id === 'west' ? (SPACES[0] as SpaceId) : null)),
    ...doors.flatMap(([id, a, b, dpuId]) => [
      ...doorway(id as DoorwayId, a, b),
      dpu(dpuId),
      placed(`p-${dpuId}`, dpuId, id, null),
    ]),
  ];
}

function space(id: SpaceId, parentId: SpaceId | null): Change[] {
  return [
    { kind: 'space', id, name: id, capacity: null, retiredAtMs: null },
    { kind: 'space_version', id, fromMs: null, parentId, timeZone: 'UTC', dailyReset: null },
  ];
}

function doorway(id: DoorwayId, a: SpaceId | null, b: SpaceId | null): Change[] {
  return [
    { kind: 'doorway', id, name: id, retiredAtMs: null },
    { kind: 'doorway_version', id, fromMs: null, a, b },
  ];
}

function dpu(id: DpuId): Change {
  return { kind: 'dpu', id, name: id, retiredAtMs: null };
}

function placed(id: string, dpuId: string, doorwayId: string, fromMs: number | null): Change {
  return {
    kind: 'placement',
    id: id as PlacementId,
    dpuId: dpuId as DpuId,
    doorwayId: doorwayId as DoorwayId,
    facing: 'a',
    fromMs,
    untilMs: null,
  };
}

function withdrawn(id: string): Change {
  return { kind: 'placement_withdrawn', id: id as PlacementId };
}

function voided(dpuId: string, fromMs: number, untilMs: number): Change {
  return { kind: 'void', id: `v-${dpuId}` as VoidId, dpuId: dpuId as DpuId, fromMs, untilMs, reason: null };
}

function counted(spaceId: string, atMs: number, count: number): Change {
  return {
    kind: 'reset',
    id: `r-${spaceId}` as ResetId,
    spaceId: spaceId as SpaceId,
    atMs,
    count,
    change: null,
    reason: null,
  };
}
