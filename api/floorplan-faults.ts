// Everything that is wrong with a floor plan document as a whole, each fault with its place; single fields zod has checked.
import type { Change } from '../shared/fact.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import { faultOfSides } from './edit/doorways.ts';
import { faultOfReset } from './edit/marks.ts';
import { faultOfSpan } from './edit/placements.ts';
import { cyclesIn, describeCycle, treeAfter } from './edit/tree.ts';
import type { DoorwayEntry, DpuEntry, FloorplanDocument, SpaceEntry } from './floorplan-document.ts';
import type { Fault } from './problem.ts';

type Report = (path: string, message: string | null) => void;
type Moments = { readonly nowMs: number; readonly effectiveMs: number };

/** `things` are the changes of spaces, doorways and DPUs that the document comes to. */
export function faultsOf(
  plan: Floorplan,
  document: FloorplanDocument,
  things: readonly Change[],
  moments: Moments,
): Fault[] {
  const faults: Fault[] = [];
  const report: Report = (path, message) => {
    if (message !== null) faults.push({ path: `body.${path}`, message });
  };
  const ids = {
    spaces: new Set<string>(document.spaces.map(({ id }) => id)),
    doorways: new Set<string>(document.doorways.map(({ id }) => id)),
  };
  reportRepeats(document, report);
  reportRevivals(plan, document, report);
  for (const [index, entry] of document.spaces.entries()) {
    reportSpace(entry, `spaces.${index}`, ids.spaces, moments.effectiveMs, report);
  }
  for (const [index, entry] of document.doorways.entries()) {
    reportDoorway(entry, `doorways.${index}`, ids.spaces, moments.effectiveMs, report);
  }
  for (const [index, entry] of document.dpus.entries()) reportDpu(entry, `dpus.${index}`, ids.doorways, report);
  for (const [index, entry] of document.resets.entries()) {
    const path = `resets.${index}`;
    report(`${path}.space_id`, missing(ids.spaces, 'space', entry.space_id));
    report(`${path}.count`, faultOfReset(entry.count ?? null, entry.change ?? null));
    report(`${path}.at`, entry.at > moments.nowMs ? 'it lies in the future; a reset says what was' : null);
  }
  if (faults.length > 0) return faults;
  const indexOf = new Map(document.spaces.map(({ id }, index) => [id, index]));
  for (const cycle of cyclesIn(treeAfter(plan, things))) {
    report(`spaces.${indexOf.get(cycle.way[0] as never)}.parent_id`, describeCycle(cycle));
  }
  return faults;
}

function reportRepeats({ spaces, doorways, dpus, resets }: FloorplanDocument, report: Report): void {
  const once = (lists: readonly (readonly [string, readonly { readonly id?: string | undefined }[]])[]): void => {
    const seen = new Map<string, string>();
    for (const [path, entries] of lists) {
      for (const [index, { id }] of entries.entries()) {
        const place = `${path}.${index}.id`;
        const first = id === undefined ? undefined : seen.get(id);
        report(place, first === undefined ? null : `${id} stands at ${first} already`);
        if (id !== undefined && first === undefined) seen.set(id, place);
      }
    }
  };
  once([['spaces', spaces]]);
  once([['doorways', doorways]]);
  once([['dpus', dpus]]);
  once([['resets', resets]]);
  once(dpus.map(({ placements }, index) => [`dpus.${index}.placements`, placements]));
  once(dpus.map(({ voids }, index) => [`dpus.${index}.voids`, voids]));
  once(dpus.map(({ outages = [] }, index) => [`dpus.${index}.outages`, outages]));
}

/** An id that is retired is never given out again. */
function reportRevivals(plan: Floorplan, document: FloorplanDocument, report: Report): void {
  const { spaces, doorways, dpus } = plan;
  const held: Record<'spaces' | 'doorways' | 'dpus', ReadonlyMap<string, { retiredAtMs: number | null }>> = {
    spaces,
    doorways,
    dpus,
  };
  for (const list of ['spaces', 'doorways', 'dpus'] as const) {
    for (const [index, { id, retired_at }] of document[list].entries()) {
      const isRevived = (held[list].get(id)?.retiredAtMs ?? null) !== null && (retired_at ?? null) === null;
      report(`${list}.${index}.id`, isRevived ? `${id} is retired; leave it out, or choose another id` : null);
    }
  }
}

function reportSpace(
  entry: SpaceEntry,
  path: string,
  ids: ReadonlySet<string>,
  effectiveMs: number,
  report: Report,
): void {
  report(`${path}.parent_id`, missing(ids, 'space', entry.parent_id));
  for (const [index, version] of (entry.versions ?? []).entries()) {
    report(`${path}.versions.${index}.parent_id`, missing(ids, 'space', version.parent_id));
  }
  report(`${path}.versions`, faultOfVersions(entry.versions));
  for (const field of ['parent_id', 'time_zone', 'daily_reset'] as const) {
    report(`${path}.${field}`, faultBesideVersions(entry, entry.versions, field, effectiveMs));
  }
}

function reportDoorway(
  entry: DoorwayEntry,
  path: string,
  ids: ReadonlySet<string>,
  effectiveMs: number,
  report: Report,
): void {
  const { a, b, versions } = entry;
  const all = versions?.map((version, index) => [`${path}.versions.${index}`, version] as const);
  if (all === undefined && (a === undefined || b === undefined)) report(path, 'a and b are required');
  for (const [place, sides] of all ?? [[path, { a: a ?? null, b: b ?? null }] as const]) {
    for (const side of ['a', 'b'] as const) report(`${place}.${side}`, missing(ids, 'space', sides[side]));
    report(`${place}.b`, a === undefined && versions === undefined ? null : faultOfSides(sides));
  }
  report(`${path}.versions`, faultOfVersions(versions));
  for (const side of ['a', 'b'] as const) {
    report(`${path}.${side}`, faultBesideVersions(entry, versions, side, effectiveMs));
  }
}

function reportDpu(entry: DpuEntry, path: string, doorways: ReadonlySet<string>, report: Report): void {
  for (const [index, placement] of entry.placements.entries()) {
    const place = `${path}.placements.${index}`;
    report(`${place}.dpu_id`, faultOfOwner(entry.id, placement.dpu_id));
    report(`${place}.doorway_id`, missing(doorways, 'doorway', placement.doorway_id));
    report(`${place}.until`, faultOfSpan(placement.from ?? null, placement.until ?? null));
  }
  for (const [index, { from, until, dpu_id }] of entry.voids.entries()) {
    report(`${path}.voids.${index}.dpu_id`, faultOfOwner(entry.id, dpu_id));
    report(`${path}.voids.${index}.until`, faultOfSpan(from, until));
  }
  for (const [index, { from, until, dpu_id }] of (entry.outages ?? []).entries()) {
    report(`${path}.outages.${index}.dpu_id`, faultOfOwner(entry.id, dpu_id));
    report(`${path}.outages.${index}.until`, faultOfSpan(from ?? null, until ?? null));
  }
}

function missing(ids: ReadonlySet<string>, noun: string, id: string | null | undefined): string | null {
  if (id === undefined || id === null || ids.has(id)) return null;
  return `the document has no ${noun} ${id}; a retired one stays in it with its retired_at`;
}

function faultOfOwner(dpuId: string, named: string | undefined): string | null {
  return named === undefined || named === dpuId ? null : `it stands below DPU ${dpuId}`;
}

type VersionEntry = { readonly from: number | null };

function faultOfVersions(versions: readonly VersionEntry[] | undefined): string | null {
  if (versions === undefined) return null;
  const starts = new Set(versions.map(({ from }) => from));
  if (!starts.has(null)) return 'the first version is valid since ever: give it "from": null';
  return starts.size < versions.length ? 'two versions begin at the same moment' : null;
}

/** Beside versions a field may say what holds, or what the last version says; anything else would be passed over. */
function faultBesideVersions<Version extends VersionEntry, Field extends keyof Version>(
  entry: { readonly [Name in Field]?: Version[Field] | undefined },
  versions: readonly Version[] | undefined,
  field: Field,
  effectiveMs: number,
): string | null {
  const said = entry[field];
  if (versions === undefined || said === undefined) return null;
  const sorted = versions.toSorted((one, other) => (one.from ?? -Infinity) - (other.from ?? -Infinity));
  const holding = sorted.findLast(({ from }) => (from ?? -Infinity) <= effectiveMs);
  if (said === (holding?.[field] ?? null) || said === (sorted.at(-1)?.[field] ?? null)) return null;
  return 'its versions say otherwise; change them, or leave them out';
}
