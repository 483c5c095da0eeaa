// A floor plan document against the floor plan that holds: the changes between them, or every fault of the document.
//
//   spaces, doorways, DPUs ──▶ new, changed, absent (retired)
//   placements, voids, resets of what is in the document ──▶ new, no longer there (withdrawn, revoked)
import type { Change, DoorwayVersion, SpaceVersion } from '../shared/fact.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import { type Dated, startMs } from '../shared/versions.ts';
import { versionsToRecord } from './edit/match.ts';
import { isSameSpaceVersion } from './edit/spaces.ts';
import { type DoorwayEntry, type FloorplanDocument, isSameSides, type SpaceEntry } from './floorplan-document.ts';
import { faultsOf } from './floorplan-faults.ts';
import { markChanges } from './floorplan-marks.ts';
import { Problem } from './problem.ts';

export type ImportMoments = { readonly nowMs: number; readonly effectiveMs: number };

/** Faults that are listed; the detail tells how many there are. */
const FAULTS_MAX = 1000;

/** The changes that bring `plan` to the state of `document`; none when it is like that. Throws invalid_floorplan. */
export function changesToDocument(plan: Floorplan, document: FloorplanDocument, moments: ImportMoments): Change[] {
  const things = [
    ...spaceChanges(plan, document, moments.effectiveMs),
    ...doorwayChanges(plan, document, moments.effectiveMs),
    ...dpuChanges(plan, document, moments.effectiveMs),
  ];
  const faults = faultsOf(plan, document, things, moments);
  if (faults.length > 0) {
    const detail = `${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}, see errors; nothing was changed`;
    throw new Problem('invalid_floorplan', detail, { errors: faults.slice(0, FAULTS_MAX) });
  }
  return [...things, ...markChanges(plan, document)];
}

function spaceChanges(plan: Floorplan, document: FloorplanDocument, effectiveMs: number): Change[] {
  const changes: Change[] = [];
  for (const entry of document.spaces) {
    const { id } = entry;
    const held = plan.spaces.get(id);
    const space = { name: entry.name ?? id, capacity: entry.capacity ?? null, retiredAtMs: retirementOf(entry, held) };
    if (held === undefined || !isSame(space, held)) changes.push({ kind: 'space', id, ...space });
    const wanted = wantedVersions(held?.versions, entry.versions?.map(spaceVersion), spaceVersion(entry), effectiveMs);
    for (const version of versionsToRecord(held?.versions ?? [], wanted, isSameSpaceVersion)) {
      changes.push({ kind: 'space_version', id, ...version });
    }
  }
  const present = new Set(document.spaces.map(({ id }) => id));
  for (const { id, name, capacity, retiredAtMs } of plan.spaces.values()) {
    if (present.has(id) || retiredAtMs !== null) continue;
    changes.push({ kind: 'space', id, name, capacity, retiredAtMs: effectiveMs });
  }
  return changes;
}

function doorwayChanges(plan: Floorplan, document: FloorplanDocument, effectiveMs: number): Change[] {
  const changes: Change[] = [];
  for (const entry of document.doorways) {
    const { id } = entry;
    const held = plan.doorways.get(id);
    const doorway = { name: entry.name ?? id, retiredAtMs: retirementOf(entry, held) };
    if (held === undefined || !isSame(doorway, held)) changes.push({ kind: 'doorway', id, ...doorway });
    const dated = entry.versions?.map(doorwayVersion);
    const wanted = wantedVersions(held?.versions, dated, doorwayVersion(entry), effectiveMs);
    for (const version of versionsToRecord(held?.versions ?? [], wanted, isSameSides)) {
      changes.push({ kind: 'doorway_version', id, ...version });
    }
  }
  const present = new Set(document.doorways.map(({ id }) => id));
  for (const { id, name, retiredAtMs } of plan.doorways.values()) {
    if (present.has(id) || retiredAtMs !== null) continue;
    changes.push({ kind: 'doorway', id, name, retiredAtMs: effectiveMs });
  }
  return changes;
}

function dpuChanges(plan: Floorplan, document: FloorplanDocument, effectiveMs: number): Change[] {
  const changes: Change[] = [];
  for (const entry of document.dpus) {
    const { id } = entry;
    const held = plan.dpus.get(id);
    const dpu = { name: entry.name ?? id, retiredAtMs: retirementOf(entry, held) };
    if (held === undefined || !isSame(dpu, held)) changes.push({ kind: 'dpu', id, ...dpu });
  }
  const present = new Set(document.dpus.map(({ id }) => id));
  for (const { id, name, retiredAtMs } of plan.dpus.values()) {
    if (present.has(id) || retiredAtMs !== null) continue;
    changes.push({ kind: 'dpu', id, name, retiredAtMs: effectiveMs });
  }
  return changes;
}

/** Who is retired and not said to be is a fault, not a change. */
function retirementOf(
  entry: { readonly retired_at?: number | null | undefined },
  held: { readonly retiredAtMs: number | null } | undefined,
): number | null {
  return entry.retired_at ?? held?.retiredAtMs ?? null;
}

function isSame<Fields extends object>(wanted: Fields, held: Fields): boolean {
  return (Object.keys(wanted) as (keyof Fields)[]).every((field) => wanted[field] === held[field]);
}

/** What the document says the versions are; one without versions speaks of all time of what is new, else from `effectiveMs` on. */
function wantedVersions<Version extends Dated>(
  held: readonly Version[] | undefined,
  dated: readonly Version[] | undefined,
  undated: Version,
  effectiveMs: number,
): Version[] {
  if (dated !== undefined) return dated.toSorted((one, other) => startMs(one) - startMs(other));
  if (held === undefined || held.length === 0) return [{ ...undated, fromMs: null }];
  return [...held.filter((version) => startMs(version) < effectiveMs), { ...undated, fromMs: effectiveMs }];
}

type VersionFields = Pick<SpaceEntry, 'parent_id' | 'time_zone' | 'daily_reset'> & { readonly from?: number | null };

function spaceVersion(entry: VersionFields): SpaceVersion {
  return {
    fromMs: entry.from ?? null,
    parentId: entry.parent_id ?? null,
    timeZone: entry.time_zone ?? 'UTC',
    dailyReset: entry.daily_reset ?? null,
  };
}

function doorwayVersion(entry: Pick<DoorwayEntry, 'a' | 'b'> & { readonly from?: number | null }): DoorwayVersion {
  return { fromMs: entry.from ?? null, a: entry.a ?? null, b: entry.b ?? null };
}
