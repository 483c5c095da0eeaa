// The atlas: the floor plan together with every DPU's timeline, and what one more fact changes in them.
import type { Change, Fact } from './fact.ts';
import { Floorplan } from './floorplan.ts';
import type { DpuId, SpaceId } from './ids.ts';
import { type DpuTimeline, type Mapping, mappingAt, mappingKey, type Timeline, timelineOf } from './mapping.ts';

/** Events of `dpuId` in [fromMs, untilMs) were mapped `was`, and are `becomes` from now on. */
export type Remapping = {
  readonly dpuId: DpuId;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly was: Mapping;
  readonly becomes: Mapping;
};

/** A floor plan that maps events; timelines are made on first use and kept until a fact touches them. */
export class Atlas {
  readonly plan = new Floorplan();
  readonly #timelines = new Map<DpuId, DpuTimeline>();

  /** The mapping that holds for an event of `dpuId` at `atMs`. */
  mappingOf(dpuId: DpuId, atMs: number): Mapping {
    return mappingAt(this.#timeline(dpuId).periods, atMs);
  }

  knows(dpuId: DpuId): boolean {
    return this.plan.dpus.has(dpuId);
  }

  /** Takes in the next fact and tells which events it maps differently, as non-empty periods. */
  apply(fact: Fact): Remapping[] {
    if (fact.number <= this.plan.factNumber) return [];
    const touched = this.#touchedBy(fact.change);
    const before = [...touched].map((dpuId) => [dpuId, this.#timeline(dpuId).periods] as const);
    this.plan.apply(fact);
    return before.flatMap(([dpuId, periods]) => {
      this.#timelines.delete(dpuId);
      return differences(dpuId, periods, this.#timeline(dpuId).periods);
    });
  }

  /** The periods in which events of the DPU are mapped differently from how `earlier` maps them. */
  remappedSince(earlier: Atlas, dpuId: DpuId): Remapping[] {
    return differences(dpuId, earlier.#timeline(dpuId).periods, this.#timeline(dpuId).periods);
  }

  /** How the DPU's events are mapped, from ever to for ever. */
  timeline(dpuId: DpuId): Timeline {
    return this.#timeline(dpuId).periods;
  }

  #timeline(dpuId: DpuId): DpuTimeline {
    let timeline = this.#timelines.get(dpuId);
    if (timeline === undefined) {
      timeline = timelineOf(this.plan, dpuId);
      this.#timelines.set(dpuId, timeline);
    }
    return timeline;
  }

  /** The DPUs whose timelines `change` may alter, judged before it is applied. */
  #touchedBy(change: Change): Set<DpuId> {
    switch (change.kind) {
      case 'space':
      case 'space_version':
      case 'space_removed':
        return this.dpusOfSpace(change.id);
      case 'doorway':
      case 'doorway_version':
      case 'doorway_removed':
        return new Set(this.plan.dpusOfDoorway.get(change.id));
      case 'dpu':
      case 'dpu_removed':
        return new Set([change.id]);
      case 'placement':
        return new Set([change.dpuId, this.plan.dpuOfPlacement.get(change.id) ?? change.dpuId]);
      case 'placement_withdrawn':
        return optional(this.plan.dpuOfPlacement.get(change.id));
      case 'void':
        return new Set([change.dpuId]);
      case 'void_revoked':
        return optional(this.plan.dpuOfVoid.get(change.id));
      case 'outage':
      case 'outage_revoked':
      case 'reset':
      case 'reset_revoked':
        return new Set();
    }
  }

  /** The DPUs that can ever change the space, or be told apart by it; none for undefined. */
  dpusOfSpace(spaceId: SpaceId | undefined): Set<DpuId> {
    const touched = new Set<DpuId>();
    if (spaceId === undefined) return touched;
    for (const dpuId of this.plan.dpus.keys()) if (this.#timeline(dpuId).spaces.has(spaceId)) touched.add(dpuId);
    return touched;
  }
}

function optional(dpuId: DpuId | undefined): Set<DpuId> {
  return new Set(dpuId === undefined ? [] : [dpuId]);
}

/** The periods in which two timelines of a DPU differ. */
function differences(dpuId: DpuId, before: Timeline, after: Timeline): Remapping[] {
  const starts = [...new Set([...before, ...after].map((period) => period.fromMs))].sort((one, other) => one - other);
  const found: Remapping[] = [];
  for (const [index, fromMs] of starts.entries()) {
    const was = mappingAt(before, fromMs);
    const becomes = mappingAt(after, fromMs);
    if (mappingKey(was) === mappingKey(becomes)) continue;
    found.push({ dpuId, fromMs, untilMs: starts[index + 1] ?? Number.POSITIVE_INFINITY, was, becomes });
  }
  return found;
}
