// From the domain to the JSON of answers: snake_case, times as RFC 3339 UTC.
import type { DoorwayVersion, SpaceVersion } from '../shared/fact.ts';
import type { Doorway, Dpu, RecordedReset, Space } from '../shared/floorplan.ts';
import type { Verification } from '../shared/processor-control.ts';
import type { StoredEvent } from '../shared/storage/history.ts';
import type { QuarantineItem } from '../shared/storage/quarantine.ts';
import { formatTimestamp, formatTimestampOrNull } from '../shared/timestamp.ts';
import { type Dated, versionAt } from '../shared/versions.ts';

type Placement = Dpu['placements'][number];
type RecordedVoid = Dpu['voids'][number];

/** The version that holds at `atMs`, or else the first. */
function holding<Version extends Dated>(versions: readonly Version[], atMs: number): Version {
  return versionAt(versions, atMs) ?? (versions[0] as Version);
}

function retiredAt({ retiredAtMs }: { readonly retiredAtMs: number | null }): { retired_at?: string } {
  return retiredAtMs === null ? {} : { retired_at: formatTimestamp(retiredAtMs) };
}

/** The space as it is at `atMs`. */
export function spaceShape(space: Space, atMs: number) {
  const { parentId, timeZone, dailyReset } = holding(space.versions, atMs);
  return {
    id: space.id,
    name: space.name,
    parent_id: parentId,
    time_zone: timeZone,
    daily_reset: dailyReset,
    capacity: space.capacity,
    ...retiredAt(space),
  };
}

export function spaceVersionShape(version: SpaceVersion) {
  return {
    from: formatTimestampOrNull(version.fromMs),
    parent_id: version.parentId,
    time_zone: version.timeZone,
    daily_reset: version.dailyReset,
  };
}

/** The doorway as it is at `atMs`. */
export function doorwayShape(doorway: Doorway, atMs: number) {
  const { a, b } = holding(doorway.versions, atMs);
  return { id: doorway.id, name: doorway.name, a, b, ...retiredAt(doorway) };
}

export function doorwayVersionShape(version: DoorwayVersion) {
  return { from: formatTimestampOrNull(version.fromMs), a: version.a, b: version.b };
}

export function dpuShape(dpu: Dpu) {
  return { id: dpu.id, name: dpu.name, ...retiredAt(dpu) };
}

export function placementShape(placement: Placement) {
  return {
    id: placement.id,
    dpu_id: placement.dpuId,
    doorway_id: placement.doorwayId,
    facing: placement.facing,
    from: formatTimestampOrNull(placement.fromMs),
    until: formatTimestampOrNull(placement.untilMs),
  };
}

/** A void as a document holds it: without when it was recorded. */
export function voidFieldsShape(entry: RecordedVoid) {
  return {
    id: entry.id,
    dpu_id: entry.dpuId,
    from: formatTimestamp(entry.fromMs),
    until: formatTimestamp(entry.untilMs),
    reason: entry.reason,
  };
}

export function voidShape(entry: RecordedVoid) {
  return { ...voidFieldsShape(entry), ...recordedShape(entry) };
}

/** An outage as a document holds it: without when it was recorded. */
export function outageFieldsShape(entry: Dpu['outages'][number]) {
  return {
    id: entry.id,
    dpu_id: entry.dpuId,
    from: formatTimestampOrNull(entry.fromMs),
    until: formatTimestampOrNull(entry.untilMs),
    reason: entry.reason,
  };
}

export function outageShape(entry: Dpu['outages'][number]) {
  return { ...outageFieldsShape(entry), ...recordedShape(entry) };
}

/** A reset as a document holds it: without when it was recorded. */
export function resetFieldsShape(reset: RecordedReset) {
  return {
    id: reset.id,
    space_id: reset.spaceId,
    at: formatTimestamp(reset.atMs),
    count: reset.count,
    change: reset.change,
    reason: reset.reason,
  };
}

export function resetShape(reset: RecordedReset) {
  return { ...resetFieldsShape(reset), ...recordedShape(reset) };
}

function recordedShape(entry: { readonly recordedAtMs: number; readonly revokedAtMs: number | null }) {
  return { recorded_at: formatTimestamp(entry.recordedAtMs), revoked_at: formatTimestampOrNull(entry.revokedAtMs) };
}

export function eventShape(event: StoredEvent) {
  return {
    dpu_id: event.dpuId,
    timestamp: formatTimestamp(event.timestampMs),
    direction: event.direction,
    epoch: event.epoch,
    seq: event.seq,
    received_at: formatTimestamp(event.receivedAtMs),
    recorded_at: formatTimestamp(event.recordedAtMs),
    status: event.status,
  };
}

export function quarantineShape(item: QuarantineItem) {
  return {
    id: item.id,
    topic: item.topic,
    dpu_id: item.dpuId,
    reason: item.reason,
    received_at: formatTimestamp(item.receivedAtMs),
    payload_base64: Buffer.from(item.payload).toString('base64'),
    detail: item.detail,
  };
}

export function verificationShape({ spaces, events, position, discrepancies }: Verification) {
  return {
    equal: discrepancies.length === 0,
    spaces,
    events,
    position,
    discrepancies: discrepancies.map(({ spaceId, ...numbers }) => ({ space_id: spaceId, ...numbers })),
  };
}
