// Why a count is what it is: the reset, the placements, and every event behind it, with sums that add up to it.
import { identityOf } from '../shared/event.ts';
import { eventsOfDpu } from '../shared/hindsight.ts';
import type { DpuId, SpaceId } from '../shared/ids.ts';
import { deltaOf, type MappingStatus, mappingWithoutVoids } from '../shared/mapping.ts';
import { adjustmentsBetween, type Start } from '../shared/reset.ts';
import type { Span, StoredEvent } from '../shared/storage/history.ts';
import type { QuarantineReader } from '../shared/storage/quarantine.ts';
import type { SpaceWatch } from '../shared/watch.ts';
import { countAt, type PastSources } from './count.ts';
import { EVER } from './ever.ts';

/** Quarantine items read together. */
const PAGE_ITEMS = 1_000;

export type ExplainSources = Pick<PastSources, 'plan'> & {
  readonly history: PastSources['history'] & QuarantineReader;
  readonly watch: SpaceWatch;
  readonly latenessAllowedMs: number;
};

/** `delta`: as all facts so far map it; `recounted`: how much of that came by facts recorded after the event. */
export type ExplainedEvent = {
  readonly event: StoredEvent;
  readonly kind: 'on_time' | 'late';
  readonly delta: number;
  readonly recounted: number;
  /** How often it came again. */
  readonly copies: number;
};

export type Explanation = {
  readonly count: number;
  readonly start: Start | null;
  readonly placements: readonly ({ readonly dpuId: DpuId } & Span)[];
  readonly deltas: { on_time: number; late: number; recounted: number; adjusted: number };
  readonly events: { total: number; duplicates: number; voided: number; unplaced: number; quarantined: number };
  /** In the order of their timestamps. */
  readonly results: readonly ExplainedEvent[];
};

/** `count` is the reset's count (0 without one) and the four sums of `deltas`. */
export async function explain(sources: ExplainSources, spaceId: SpaceId, atMs: number): Promise<Explanation> {
  const { plan, history, watch } = sources;
  const { start } = await countAt({ plan, history }, spaceId, atMs);
  const span = { fromMs: start === null ? 0 : start.atMs + 1, untilMs: atMs + 1 };
  const deltas = { on_time: 0, late: 0, recounted: 0, adjusted: 0 };
  const byStatus: Record<MappingStatus, number> = { counted: 0, unplaced: 0, voided: 0 };
  let [total, duplicates] = [0, 0];
  const results: ExplainedEvent[] = [];
  const placements: ({ dpuId: DpuId } & Span)[] = [];
  const dpuIds = [...watch.everOf(spaceId)].sort();
  for (const dpuId of dpuIds) {
    for (const period of watch.of(spaceId).get(dpuId) ?? []) {
      if (period.fromMs < span.untilMs && period.untilMs > span.fromMs) placements.push({ dpuId, ...period });
    }
    const copies = await copiesOf(history, dpuId, span);
    for await (const event of eventsOfDpu(history, dpuId, span)) {
      const explained = explainEvent(sources, spaceId, event, copies.get(identityOf(event)) ?? 0);
      if (explained === null && !isOfSpace(sources, spaceId, event)) continue;
      byStatus[event.status] += 1;
      total += 1;
      duplicates += copies.get(identityOf(event)) ?? 0;
      if (explained === null) continue;
      deltas[explained.kind] += explained.delta - explained.recounted;
      deltas.recounted += explained.recounted;
      results.push(explained);
    }
  }
  for (const { change } of adjustmentsBetween(plan, spaceId, start?.atMs ?? Number.NEGATIVE_INFINITY, atMs)) {
    deltas.adjusted += change ?? 0;
  }
  results.sort((one, other) => one.event.timestampMs - other.event.timestampMs);
  const { voided, unplaced } = byStatus;
  const quarantined = await quarantinedOf(history, dpuIds, span);
  const count = (start?.count ?? 0) + deltas.on_time + deltas.late + deltas.recounted + deltas.adjusted;
  return { count, start, placements, deltas, events: { total, duplicates, voided, unplaced, quarantined }, results };
}

/** Null when the event never changed the count of the space. */
function explainEvent(
  { watch, latenessAllowedMs }: ExplainSources,
  spaceId: SpaceId,
  event: StoredEvent,
  copies: number,
): ExplainedEvent | null {
  const { dpuId, timestampMs, recordedAtMs, direction } = event;
  const steps = watch.truth(dpuId, timestampMs, recordedAtMs);
  const deltas = steps.map(({ mapping }) => deltaOf(mapping, direction, spaceId));
  if (deltas.every((delta) => delta === 0)) return null;
  const delta = deltas.at(-1) ?? 0;
  const kind = recordedAtMs - timestampMs > latenessAllowedMs ? 'late' : 'on_time';
  return { event, kind, delta, recounted: delta - (deltas[0] ?? 0), copies };
}

/** What a void hides, where it would have changed the space; what no placement covers, as that may still be entered. */
function isOfSpace({ plan, watch }: ExplainSources, spaceId: SpaceId, event: StoredEvent): boolean {
  if (event.status !== 'voided') return event.status === 'unplaced';
  const dpu = plan.dpus.get(event.dpuId);
  if (dpu === undefined) return false;
  const mapping = mappingWithoutVoids(plan, dpu, event.timestampMs);
  return deltaOf(mapping, event.direction, spaceId) !== 0;
}

async function copiesOf(history: ExplainSources['history'], dpuId: DpuId, span: Span): Promise<Map<string, number>> {
  const repeated = await history.duplicates(span, dpuId);
  return new Map(repeated.map((one) => [identityOf(one), one.copies]));
}

async function quarantinedOf(history: QuarantineReader, dpuIds: readonly DpuId[], span: Span): Promise<number> {
  let found = 0;
  for (const dpuId of dpuIds) {
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await history.list({ dpuId, limit: PAGE_ITEMS, ...(cursor === undefined ? {} : { cursor }) });
      found += page.results.filter(
        ({ receivedAtMs }) => receivedAtMs >= Math.max(span.fromMs, EVER.fromMs) && receivedAtMs < span.untilMs,
      ).length;
      cursor = page.next;
    }
  }
  return found;
}
