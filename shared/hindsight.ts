// Hindsight: what was known at an earlier moment, from the facts and events recorded by then.
import { Atlas } from './atlas.ts';
import { eventsOfDpu } from './event-stream.ts';
import type { Fact } from './fact.ts';
import { Floorplan } from './floorplan.ts';
import type { DpuId, SpaceId } from './ids.ts';
import { deltaOf } from './mapping.ts';
import type { ResetPlan } from './reset.ts';
import type { HistoryReader, Span } from './storage/history.ts';

/** A history that tells which events came after a moment. */
export type EventHistory = Required<Pick<HistoryReader, 'net' | 'events' | 'recordedAfter'>>;

/** What facts make of the building by `knownAtMs` and now, and the DPUs that those between may have mapped differently. */
export type Hindsight = {
  readonly knownAtMs: number;
  readonly known: Atlas;
  readonly now: Atlas;
  readonly remapped: ReadonlySet<DpuId>;
};

export function hindsightOf(facts: readonly Fact[], knownAtMs: number): Hindsight {
  const known = atlasAt(facts, knownAtMs);
  const now = atlasAt(facts, Number.POSITIVE_INFINITY);
  return { knownAtMs, known, now, remapped: remappedSince(facts, known) };
}

/** The number of the newest fact recorded by `knownAtMs`; 0: none. */
export function newestFactBy(facts: readonly Fact[], knownAtMs: number): number {
  let [low, high] = [0, facts.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((facts[middle] as Fact).recordedAtMs <= knownAtMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What facts recorded by `knownAtMs` say of the resets of some spaces. */
export function resetsKnownAt(facts: readonly Fact[], spaceIds: readonly SpaceId[], knownAtMs: number): ResetPlan {
  const wanted = new Set(spaceIds);
  const plan = new Floorplan();
  for (const fact of facts.slice(0, newestFactBy(facts, knownAtMs))) {
    const { change } = fact;
    const isOfSpace = change.kind.startsWith('space') && wanted.has(change.id as SpaceId);
    const isReset = change.kind === 'reset' && wanted.has(change.spaceId);
    if (isOfSpace || isReset || change.kind === 'reset_revoked') plan.apply(fact);
  }
  return plan;
}

/** The floor plan that the facts recorded by `knownAtMs` make. */
export function atlasAt(facts: readonly Fact[], knownAtMs: number): Atlas {
  const atlas = new Atlas();
  for (const fact of facts) {
    if (fact.recordedAtMs > knownAtMs) break;
    atlas.plan.apply(fact);
  }
  return atlas;
}

/**
 * `net` of the space over `span` as it was known at `knownAtMs`: what it is now, less the events recorded since, less
 * what the facts recorded since changed in the others. Costs what came since, not what there is.
 */
export async function knownNet(
  history: EventHistory,
  { known, now, remapped, knownAtMs }: Hindsight,
  spaceId: SpaceId,
  { fromMs, untilMs }: Span,
): Promise<number> {
  if (fromMs >= untilMs) return 0;
  let net = await history.net(spaceId, Number.isFinite(fromMs) ? fromMs - 1 : null, untilMs - 1);
  for (const event of await history.recordedAfter({ fromMs: Math.max(fromMs, 0), untilMs }, knownAtMs)) {
    net -= deltaOf(now.mappingOf(event.dpuId, event.timestampMs), event.direction, spaceId);
  }
  for (const dpuId of remapped) {
    for (const { was, becomes, ...period } of now.remappedSince(known, dpuId)) {
      const isOfSpace = deltaOf(was, 1, spaceId) !== deltaOf(becomes, 1, spaceId);
      const span = { fromMs: Math.max(period.fromMs, fromMs, 0), untilMs: Math.min(period.untilMs, untilMs) };
      if (!isOfSpace || span.fromMs >= span.untilMs) continue;
      for await (const event of eventsOfDpu(history, dpuId, span)) {
        if (event.recordedAtMs > knownAtMs) continue;
        net += deltaOf(was, event.direction, spaceId) - deltaOf(becomes, event.direction, spaceId);
      }
    }
  }
  return net;
}

/** The DPUs that facts recorded after those of `known` may have mapped differently. */
function remappedSince(facts: readonly Fact[], known: Atlas): Set<DpuId> {
  const atlas = new Atlas();
  const touched = new Set<DpuId>();
  for (const fact of facts) {
    if (fact.number <= known.plan.factNumber) atlas.plan.apply(fact);
    else for (const { dpuId } of atlas.apply(fact)) touched.add(dpuId);
  }
  return touched;
}
