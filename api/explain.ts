// Why a count is what it is: the reset, the placements, and every event behind it, with sums that add up to it.
import { Readable } from 'node:stream';
import { identityOf } from '../shared/event.ts';
import { eventsOfDpus } from '../shared/event-stream.ts';
import type { DpuId, SpaceId } from '../shared/ids.ts';
import { deltaOf, mappingWithoutVoids } from '../shared/mapping.ts';
import { adjustmentsBetween, type Start } from '../shared/reset.ts';
import type { Repeated, Span, StoredEvent } from '../shared/storage/history.ts';
import type { QuarantineReader } from '../shared/storage/quarantine.ts';
import type { SpaceWatch } from '../shared/watch.ts';
import { countAt, type PastSources } from './count.ts';
import { EVER } from './ever.ts';

/** Quarantine items read together. */
const PAGE_ITEMS = 1_000;
/** Reads under way at once, of duplicates: mostly there are none. */
const READS = 8;

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
  /** Those of the window, in the order of their timestamps. */
  readonly results: readonly ExplainedEvent[];
  /** How many there are in all. */
  readonly explained: number;
};

/** Which results are wanted. */
export type ResultWindow = { readonly first: number; readonly size: number };

/** `count` is the reset's count (0 without one) and the four sums of `deltas`. */
export async function explain(
  sources: ExplainSources,
  spaceId: SpaceId,
  atMs: number,
  { first, size }: ResultWindow,
): Promise<Explanation> {
  const { plan, history, watch } = sources;
  const { start } = await countAt({ plan, history }, spaceId, atMs);
  const span = { fromMs: start === null ? 0 : start.atMs + 1, untilMs: atMs + 1 };
  const deltas = { on_time: 0, late: 0, recounted: 0, adjusted: 0 };
  const events = { total: 0, duplicates: 0, voided: 0, unplaced: 0, quarantined: 0 };
  const results: ExplainedEvent[] = [];
  let explained = 0;
  const dpuIds = [...watch.everOf(spaceId)].sort();
  const quarantined = quarantinedOf(history, dpuIds, span);
  quarantined.catch(() => undefined); // It is awaited later.
  for await (const together of eventsOfDpus(history, dpuIds, span)) {
    const copies = await copiesOf(history, together);
    for (const event of together) {
      const one = explainEvent(sources, spaceId, event, copies);
      if (one === null && !isOfSpace(sources, spaceId, event)) continue;
      events.total += 1;
      if (event.status !== 'counted') events[event.status] += 1;
      events.duplicates += one?.copies ?? copiesAmong(copies, event);
      if (one === null) continue;
      deltas[one.kind] += one.delta - one.recounted;
      deltas.recounted += one.recounted;
      if (explained >= first && results.length < size) results.push(one);
      explained += 1;
    }
  }
  for (const { change } of adjustmentsBetween(plan, spaceId, start?.atMs ?? Number.NEGATIVE_INFINITY, atMs)) {
    deltas.adjusted += change ?? 0;
  }
  events.quarantined = await quarantined;
  const count = (start?.count ?? 0) + deltas.on_time + deltas.late + deltas.recounted + deltas.adjusted;
  return { count, start, placements: placementsOf(watch, spaceId, dpuIds, span), deltas, events, results, explained };
}

function placementsOf(
  watch: SpaceWatch,
  spaceId: SpaceId,
  dpuIds: readonly DpuId[],
  span: Span,
): Explanation['placements'] {
  return dpuIds.flatMap((dpuId) => {
    const periods = watch.of(spaceId).get(dpuId) ?? [];
    const inside = periods.filter(({ fromMs, untilMs }) => fromMs < span.untilMs && untilMs > span.fromMs);
    return inside.map((period) => ({ dpuId, ...period }));
  });
}

/** Null when the event never changed the count of the space. */
function explainEvent(
  { watch, latenessAllowedMs }: ExplainSources,
  spaceId: SpaceId,
  event: StoredEvent,
  copies: Copies,
): ExplainedEvent | null {
  const { dpuId, timestampMs, recordedAtMs, direction } = event;
  const steps = watch.truth(dpuId, timestampMs, recordedAtMs);
  const deltas = steps.map(({ mapping }) => deltaOf(mapping, direction, spaceId));
  if (deltas.every((delta) => delta === 0)) return null;
  const delta = deltas.at(-1) ?? 0;
  const kind = recordedAtMs - timestampMs > latenessAllowedMs ? 'late' : 'on_time';
  return { event, kind, delta, recounted: delta - (deltas[0] ?? 0), copies: copiesAmong(copies, event) };
}

/** What a void hides, where it would have changed the space; what no placement covers, as that may still be entered. */
function isOfSpace({ plan }: ExplainSources, spaceId: SpaceId, event: StoredEvent): boolean {
  if (event.status !== 'voided') return event.status === 'unplaced';
  const dpu = plan.dpus.get(event.dpuId);
  if (dpu === undefined) return false;
  const mapping = mappingWithoutVoids(plan, dpu, event.timestampMs);
  return deltaOf(mapping, event.direction, spaceId) !== 0;
}

/** How often events came again, by their identity. */
type Copies = ReadonlyMap<string, number>;

/** Of all among `events`, which are in the order of their timestamps. */
async function copiesOf(history: ExplainSources['history'], events: readonly StoredEvent[]): Promise<Copies> {
  const span = { fromMs: events.at(0)?.timestampMs ?? 0, untilMs: (events.at(-1)?.timestampMs ?? 0) + 1 };
  const dpuIds = new Set(events.map(({ dpuId }) => dpuId));
  const reads = Readable.from(dpuIds).map((dpuId: DpuId) => history.duplicates(span, dpuId), { concurrency: READS });
  const repeated: Repeated[][] = await reads.toArray();
  return new Map(repeated.flat().map((one) => [identityOf(one), one.copies]));
}

function copiesAmong(copies: Copies, event: StoredEvent): number {
  return copies.size === 0 ? 0 : (copies.get(identityOf(event)) ?? 0);
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
