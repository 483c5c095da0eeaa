// Coverage: whether the doorways of a space had a DPU all the time that its count depends on.
import type { Dpu, Floorplan } from './floorplan.ts';
import type { DoorwayId, DpuId, PlacementId, SpaceId } from './ids.ts';
import { deltaOf, placementAt, timelineOf } from './mapping.ts';
import type { Span } from './storage/history.ts';

export type Coverage = 'full' | 'partial' | 'none';

/** `watched`: when any DPU was on the doorway, joined up and in order. */
type Watched = { readonly span: Span; readonly watched: readonly Span[] };

/** No DPU has this id: `$` is not allowed in one. */
const PROBE = '$probe' as DpuId;

/** The doorways of every space, with what watched them; made anew with every new floor plan. */
export class DoorwayCoverage {
  readonly #plan: Floorplan;
  #factNumber = -1;
  #ofSpace = new Map<SpaceId, Watched[]>();

  constructor(plan: Floorplan) {
    this.#plan = plan;
  }

  /**
   * Of the doorways of the space in (afterMs, atMs]: full when each had a DPU all the time, none when none ever did,
   * which a space without doorways is too.
   */
  of(spaceId: SpaceId, afterMs: number, atMs: number): Coverage {
    if (this.#factNumber !== this.#plan.factNumber) this.#makeAnew();
    let [isFull, isNone] = [true, true];
    for (const { span, watched } of this.#ofSpace.get(spaceId) ?? []) {
      const fromMs = Math.max(span.fromMs, afterMs + 1);
      const untilMs = Math.min(span.untilMs, atMs + 1);
      if (fromMs >= untilMs) continue;
      if (watched.some((one) => one.fromMs < untilMs && one.untilMs > fromMs)) isNone = false;
      if (!watched.some((one) => one.fromMs <= fromMs && one.untilMs >= untilMs)) isFull = false;
    }
    if (isNone) return 'none';
    return isFull ? 'full' : 'partial';
  }

  #makeAnew(): void {
    this.#ofSpace = new Map();
    for (const doorwayId of this.#plan.doorways.keys()) {
      const watched = watchedSpans(this.#plan, doorwayId);
      for (const { spaceId, span } of crossings(this.#plan, doorwayId)) {
        const list = this.#ofSpace.get(spaceId) ?? [];
        this.#ofSpace.set(spaceId, list);
        list.push({ span, watched });
      }
    }
    this.#factNumber = this.#plan.factNumber;
  }
}

/** When a crossing of the doorway changes which space: as a DPU would count it that has always been there. */
function crossings({ doorways, spaces }: Floorplan, doorwayId: DoorwayId): { spaceId: SpaceId; span: Span }[] {
  const placement = { id: PROBE as string as PlacementId, dpuId: PROBE, doorwayId, facing: 'a' as const };
  const since = { fromMs: null, untilMs: null, factNumber: 0, recordedAtMs: 0 };
  const probe: Dpu = {
    id: PROBE,
    name: PROBE,
    retiredAtMs: null,
    placements: [{ ...placement, ...since }],
    voids: [],
    outages: [],
  };
  const { periods } = timelineOf({ dpus: new Map([[PROBE, probe]]), doorways, spaces }, PROBE);
  return periods.flatMap(({ fromMs, mapping }, index) => {
    const span = { fromMs, untilMs: periods[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY };
    const touched = [...mapping.enters, ...mapping.leaves].filter((spaceId) => deltaOf(mapping, 1, spaceId) !== 0);
    return touched.map((spaceId) => ({ spaceId, span }));
  });
}

function watchedSpans(plan: Floorplan, doorwayId: DoorwayId): Span[] {
  const spans: Span[] = [];
  for (const dpuId of plan.dpusOfDoorway.get(doorwayId) ?? []) {
    const dpu = plan.dpus.get(dpuId);
    if (dpu !== undefined) spans.push(...spansOn(dpu, doorwayId));
  }
  spans.sort((one, other) => one.fromMs - other.fromMs);
  const joined: Span[] = [];
  for (const span of spans) {
    const last = joined.at(-1);
    if (last === undefined || span.fromMs > last.untilMs) joined.push(span);
    else joined[joined.length - 1] = { fromMs: last.fromMs, untilMs: Math.max(last.untilMs, span.untilMs) };
  }
  return joined;
}

/** When the DPU was on the doorway. */
function spansOn(dpu: Dpu, doorwayId: DoorwayId): Span[] {
  const endMs = dpu.retiredAtMs ?? Number.POSITIVE_INFINITY;
  const edges = new Set([Number.NEGATIVE_INFINITY, endMs]);
  for (const { fromMs, untilMs } of dpu.placements) {
    if (fromMs !== null) edges.add(fromMs);
    if (untilMs !== null) edges.add(untilMs);
  }
  const sorted = [...edges].filter((edge) => edge <= endMs).sort((one, other) => one - other);
  return sorted.flatMap((fromMs, index) => {
    const untilMs = sorted[index + 1] ?? endMs;
    return fromMs < untilMs && placementAt(dpu, fromMs)?.doorwayId === doorwayId ? [{ fromMs, untilMs }] : [];
  });
}
