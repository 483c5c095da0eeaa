// Confinement: what of the floor plan belongs to one space and everything below it, by the tree of now. Pure.
//
// Seen from inside, every space beyond the root is the outside: so what is shown is a floor plan of its own, with the
// same counts. Things that also touch spaces beyond are shown, and are not inside: they are others' to change.
import type { DoorwayVersion } from './fact.ts';
import { type Doorway, type Dpu, Floorplan, type Space } from './floorplan.ts';
import type { DoorwayId, DpuId, SpaceId } from './ids.ts';
import { timelineOf } from './mapping.ts';
import type { Span } from './storage/history.ts';
import { startMs, versionAt } from './versions.ts';

/** One root's part of a floor plan, at one state of the floor plan and until the tree next changes by itself. */
export type Within = {
  readonly rootSpaceId: SpaceId;
  /** The part as a floor plan: what it names lies in it. */
  readonly plan: Floorplan;
  /** When each DPU could change a count of the part; what it sent then is shown, voided or not. */
  readonly spans: ReadonlyMap<DpuId, readonly Span[]>;
  /** True when the doorway never touched a space beyond. */
  isDoorwayInside(id: DoorwayId): boolean;
  /** True when the DPU was only ever placed on doorways that are inside. */
  isDpuInside(id: DpuId): boolean;
  /** Dated changes of the tree that are known already take effect then; ms since 1970 UTC. */
  readonly untilMs: number;
};

/** The part of `plan` within `rootSpaceId` at `atMs`; empty when there is no such space. */
export function withinOf(plan: Floorplan, rootSpaceId: SpaceId, atMs: number): Within {
  const spaces = spacesBelow(plan, rootSpaceId, atMs);
  const isInside = ({ a, b }: DoorwayVersion) => [a, b].every((id) => id === null || spaces.has(id));
  const isDoorwayInside = (id: DoorwayId) => plan.doorways.get(id)?.versions.every(isInside) === true;
  const isDpuInside = (id: DpuId) => {
    const placements = plan.dpus.get(id)?.placements ?? [];
    return placements.length > 0 && placements.every(({ doorwayId }) => isDoorwayInside(doorwayId));
  };
  const { shown, spans } = shownOf(plan, spaces);
  return { rootSpaceId, plan: shown, spans, isDoorwayInside, isDpuInside, untilMs: nextTurnMs(plan, atMs) };
}

/** Keeps each root's part for as long as it holds. */
export class Confinements {
  readonly #plan: Floorplan;
  readonly #kept = new Map<SpaceId, { readonly factNumber: number; readonly within: Within }>();

  /** `plan` may grow. */
  constructor(plan: Floorplan) {
    this.#plan = plan;
  }

  of(rootSpaceId: SpaceId, nowMs: number): Within {
    const { factNumber } = this.#plan;
    const kept = this.#kept.get(rootSpaceId);
    if (kept?.factNumber === factNumber && nowMs < kept.within.untilMs) return kept.within;
    const within = withinOf(this.#plan, rootSpaceId, nowMs);
    this.#kept.set(rootSpaceId, { factNumber, within });
    return within;
  }
}

/** The root and whatever hangs below it at `atMs`. */
function spacesBelow(plan: Floorplan, rootId: SpaceId, atMs: number): Set<SpaceId> {
  const parentsOf = ({ versions }: Space) => [versionAt(versions, atMs)?.parentId ?? null];
  return plan.spaces.has(rootId) ? closure(plan, new Set([rootId]), parentsOf) : new Set();
}

/** `spaces` and all whose parents, and their parents, are among them. */
function closure(plan: Floorplan, spaces: ReadonlySet<SpaceId>, parentsOf: (space: Space) => (SpaceId | null)[]) {
  const children = new Map<SpaceId, SpaceId[]>();
  for (const space of plan.spaces.values()) {
    for (const parentId of parentsOf(space)) {
      if (parentId === null) continue;
      const siblings = children.get(parentId);
      if (siblings === undefined) children.set(parentId, [space.id]);
      else siblings.push(space.id);
    }
  }
  const found = new Set(spaces);
  for (const id of found) for (const child of children.get(id) ?? []) found.add(child);
  return found;
}

/** The first moment after `atMs` at which a space gets another parent by what is known now. */
function nextTurnMs(plan: Floorplan, atMs: number): number {
  let nextMs = Number.POSITIVE_INFINITY;
  for (const { versions } of plan.spaces.values()) {
    for (const version of versions) if (startMs(version) > atMs) nextMs = Math.min(nextMs, startMs(version));
  }
  return nextMs;
}

function shownOf(plan: Floorplan, spaces: ReadonlySet<SpaceId>) {
  const shown = new Floorplan();
  const spans = new Map<DpuId, readonly Span[]>();
  const orOutside = (id: SpaceId | null) => (id !== null && spaces.has(id) ? id : null);
  shown.factNumber = plan.factNumber;
  for (const id of spaces) {
    const space = plan.spaces.get(id) as Space;
    const versions = space.versions.map((version) => ({ ...version, parentId: orOutside(version.parentId) }));
    shown.spaces.set(id, { ...space, versions });
    shown.resets.set(id, plan.resets.get(id) ?? []);
  }
  // A space that was below one of these once changed its count then.
  const ever = closure(plan, spaces, ({ versions }) => versions.map(({ parentId }) => parentId));
  const candidates = new Set<DpuId>();
  for (const doorway of plan.doorways.values()) {
    if (touches(doorway, ever)) for (const id of plan.dpusOfDoorway.get(doorway.id) ?? []) candidates.add(id);
    if (!touches(doorway, spaces)) continue;
    const versions = doorway.versions.map(({ fromMs, a, b }) => ({ fromMs, a: orOutside(a), b: orOutside(b) }));
    shown.doorways.set(doorway.id, { ...doorway, versions });
  }
  for (const id of candidates) {
    const dpu = plan.dpus.get(id);
    if (dpu === undefined) continue;
    const placements = dpu.placements.filter(({ doorwayId }) => shown.doorways.has(doorwayId));
    const own = spansOf(plan, dpu, spaces);
    if (placements.length === 0 && own.length === 0) continue;
    spans.set(id, own);
    const { voids, outages } = dpu;
    const parts = { placements, voids: overlapping(voids, own), outages: overlapping(outages, own) };
    shown.dpus.set(id, { ...dpu, ...parts });
  }
  return { shown, spans };
}

function touches({ versions }: Doorway, spaces: ReadonlySet<SpaceId>): boolean {
  return versions.some(({ a, b }) => (a !== null && spaces.has(a)) || (b !== null && spaces.has(b)));
}

/** When events of the DPU change a count of `spaces`, or would if they were not voided. */
function spansOf(plan: Floorplan, dpu: Dpu, spaces: ReadonlySet<SpaceId>): Span[] {
  const { spaces: tree, doorways } = plan;
  const unvoided = { spaces: tree, doorways, dpus: new Map([[dpu.id, { ...dpu, voids: [] }]]) };
  const { periods } = timelineOf(unvoided, dpu.id);
  const spans: { fromMs: number; untilMs: number }[] = [];
  for (const [index, { fromMs, mapping }] of periods.entries()) {
    if (![...mapping.enters, ...mapping.leaves].some((id) => spaces.has(id))) continue;
    const untilMs = periods[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
    const last = spans.at(-1);
    if (last?.untilMs === fromMs) last.untilMs = untilMs;
    else spans.push({ fromMs, untilMs });
  }
  return spans;
}

/** True when an event of the DPU at `atMs` would count in the part: only then is shown what it is doing; no spans: all is. */
export function isDoingShown(spans: Within['spans'] | null, id: DpuId, atMs: number): boolean {
  if (spans === null) return true;
  return spans.get(id)?.some(({ fromMs, untilMs }) => fromMs <= atMs && atMs < untilMs) === true;
}

type Entry = { readonly fromMs: number | null; readonly untilMs: number | null };

function overlapping<Item extends Entry>(entries: readonly Item[], spans: readonly Span[]): Item[] {
  return entries.filter((entry) =>
    spans.some((span) => startMs(entry) < span.untilMs && span.fromMs < (entry.untilMs ?? Number.POSITIVE_INFINITY)),
  );
}
