// Health: reads what the findings are made from, no more than a bounded piece of the past, and makes them.
//
//   newest events ─▶ by DPU ─┬▶ flows ─▶ suspects ─▶ their counts ─▶ reversed sensors
//                            └▶ silence, sequences, pairs, clocks      quarantine ─▶ clocks far off, unknown DPUs
import { clocksFarOff, clocksOff, unknownDpus } from '../shared/health/clocks.ts';
import type { Finding, Observation } from '../shared/health/finding.ts';
import { type Flow, flowsOf } from '../shared/health/flow.ts';
import { reversedSensors, suspectsOf } from '../shared/health/reversed.ts';
import { samePeople } from '../shared/health/same-people.ts';
import { reusedSequences } from '../shared/health/sequences.ts';
import { quietDpus, silentDpus } from '../shared/health/silent.ts';
import type { Heard } from '../shared/heard.ts';
import type { DpuId, SpaceId } from '../shared/ids.ts';
import type { Span, StoredEvent } from '../shared/storage/history.ts';
import type { QuarantineItem, QuarantineReader } from '../shared/storage/quarantine.ts';
import type { SpaceWatch } from '../shared/watch.ts';
import { type CountSources, countAt } from './count.ts';
import { seriesOf } from './series.ts';

/** Events that one answer is made from: some 100 ms of reading. */
export const EVENTS_MAX = 50_000;
const PAGE_EVENTS = 5_000;
/** The first stretch that is read, and what the next ones grow by, so that none holds many more than are wanted. */
const STRETCH_MS_MIN = 3_600_000;
const STRETCH_GROWTH = 4;
/** DPUs that are read one by one; of more, all events are read together. */
const DPUS_ALONE_MAX = 100;
/** Suspects and spaces with a capacity: each costs some counts. */
const SPACES_MAX = 100;
const QUIET_DPUS_MAX = 5_000;
const QUARANTINE_ITEMS_MAX = 1_000;

export type HealthSources = Pick<CountSources, 'plan'> & {
  readonly history: CountSources['history'] & QuarantineReader;
  readonly watch: SpaceWatch;
};

/** `span`: what was looked at, which begins later than asked for where there were too many events. */
export type Health = { readonly span: Span; readonly events: number; readonly findings: readonly Finding[] };

/** `spaceIds`: only what concerns these; null: everything. */
export async function healthOf(
  sources: HealthSources,
  spaceIds: readonly SpaceId[] | null,
  asked: Span,
): Promise<Health> {
  const { plan, history, watch } = sources;
  const dpuIds = spaceIds === null ? null : new Set(spaceIds.flatMap((spaceId) => [...watch.everOf(spaceId)]));
  const { span, events } = await newestEvents(history, asked, dpuIds);
  const seen = { span, plan, watch, eventsOf: byDpu(events) };
  const isWanted = (dpuId: DpuId) => dpuIds === null || dpuIds.has(dpuId);
  const observation: Observation = { ...seen, heardOf: await heardOf(history, quietDpus(seen).filter(isWanted)) };
  const quarantined = (reason: QuarantineItem['reason']) => quarantinedIn(history, asked, reason, isWanted);
  const [reversed, capacity, ahead, old, unknown] = await Promise.all([
    reversedOf(sources, observation, spaceIds),
    overCapacity(sources, spaceIds, span),
    quarantined('clock_in_future'),
    quarantined('too_old'),
    spaceIds === null ? quarantined('unknown_dpu') : [],
  ]);
  const ofDpus = [
    ...silentDpus(observation),
    ...samePeople(observation),
    ...clocksOff(observation),
    ...clocksFarOff([...ahead, ...old]),
    ...reusedSequences(observation),
  ].filter((finding) => finding.dpuIds.every((dpuId) => isWanted(dpuId as DpuId)));
  return { span, events: events.length, findings: [...reversed, ...capacity, ...ofDpus, ...unknownDpus(unknown)] };
}

/** In the order of their ids, so that equal data gives equal answers. */
function byDpu(events: readonly StoredEvent[]): Map<DpuId, StoredEvent[]> {
  return new Map([...Map.groupBy(events, ({ dpuId }) => dpuId)].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The newest events of the span in the order of their timestamps, at most EVENTS_MAX, and the span that holds just these. */
async function newestEvents(
  history: HealthSources['history'],
  asked: Span,
  dpuIds: ReadonlySet<DpuId> | null,
): Promise<{ span: Span; events: StoredEvent[] }> {
  const alone = dpuIds !== null && dpuIds.size <= DPUS_ALONE_MAX ? [...dpuIds] : null;
  const events: StoredEvent[] = [];
  let stretchMs = STRETCH_MS_MIN;
  for (let untilMs = asked.untilMs; untilMs > asked.fromMs; stretchMs *= STRETCH_GROWTH) {
    const stretch = { fromMs: Math.max(asked.fromMs, untilMs - stretchMs), untilMs };
    const room = EVENTS_MAX - events.length;
    const of = alone ?? [undefined];
    const lists = await Promise.all(of.map((dpuId) => newestOf(history, stretch, dpuId, room)));
    const found = lists.flat().filter(({ dpuId }) => dpuIds === null || dpuIds.has(dpuId));
    found.sort((one, other) => other.timestampMs - one.timestampMs);
    const isFull = lists.some((list) => list.length > room) || found.length > room;
    events.push(...found.slice(0, room));
    if (isFull) {
      const span = { ...asked, fromMs: (events.at(-1)?.timestampMs ?? stretch.fromMs) + 1 };
      return { span, events: events.reverse().filter(({ timestampMs }) => timestampMs >= span.fromMs) };
    }
    untilMs = stretch.fromMs;
  }
  return { span: asked, events: events.reverse() };
}

/** Newest first; one more than `limit` when there are more. */
async function newestOf(
  history: HealthSources['history'],
  span: Span,
  dpuId: DpuId | undefined,
  limit: number,
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  const of = dpuId === undefined ? {} : { dpuId };
  for (let cursor: string | null | undefined; cursor !== null && events.length <= limit; ) {
    const place = cursor === undefined ? {} : { cursor };
    const query = {
      ...of,
      ...place,
      by: 'timestamp',
      span,
      order: 'desc',
      limit: PAGE_EVENTS,
      total: 'left_out',
    } as const;
    const page = await history.events(query);
    events.push(...page.results);
    cursor = page.next;
  }
  return events.slice(0, limit + 1);
}

async function heardOf(history: HealthSources['history'], dpuIds: readonly DpuId[]): Promise<Map<DpuId, Heard | null>> {
  const asked = dpuIds.slice(0, QUIET_DPUS_MAX);
  const heard = await history.heard(asked);
  return new Map(asked.map((dpuId, index) => [dpuId, heard[index] ?? null]));
}

async function reversedOf(
  { plan, history }: HealthSources,
  observation: Observation,
  spaceIds: readonly SpaceId[] | null,
): Promise<Finding[]> {
  const isAsked = ({ spaceId }: Flow) => spaceIds === null || spaceIds.includes(spaceId);
  const suspects = suspectsOf(flowsOf(observation).filter(isAsked)).slice(0, SPACES_MAX);
  const openingsOf = ({ spaceId, days }: Flow) =>
    Promise.all(days.map(async ({ fromMs }) => (await countAt({ plan, history }, spaceId, fromMs)).count));
  return reversedSensors(suspects, await Promise.all(suspects.map(openingsOf)));
}

async function overCapacity(
  { plan, history }: HealthSources,
  spaceIds: readonly SpaceId[] | null,
  span: Span,
): Promise<Finding[]> {
  const limited = [...plan.spaces.values()].filter(
    ({ id, capacity, retiredAtMs }) =>
      capacity !== null && retiredAtMs === null && (spaceIds === null || spaceIds.includes(id)),
  );
  const findings = limited.slice(0, SPACES_MAX).map(async ({ id, capacity }): Promise<Finding[]> => {
    const [bucket] = await seriesOf({ plan, history }, id, [span]);
    if (bucket === undefined || bucket.max <= (capacity ?? 0)) return [];
    const numbers = { capacity: capacity ?? 0, greatest_count: bucket.max };
    const times = { from: span.fromMs, until: span.untilMs };
    const action =
      `space ${id} held more people than it may: let nobody in until some have left; if nobody was there, see its drift ` +
      `(/v1/spaces/${id}/drift) and enter the reset that it suggests`;
    return [{ kind: 'over_capacity', spaceIds: [id], dpuIds: [], numbers, times, action }];
  });
  return (await Promise.all(findings)).flat();
}

/** Of the newest items. */
async function quarantinedIn(
  history: HealthSources['history'],
  { fromMs, untilMs }: Span,
  reason: QuarantineItem['reason'],
  isWanted: (dpuId: DpuId) => boolean,
): Promise<QuarantineItem[]> {
  const { results } = await history.list({ reason, limit: QUARANTINE_ITEMS_MAX });
  return results.filter(
    ({ receivedAtMs, dpuId }) =>
      receivedAtMs >= fromMs && receivedAtMs < untilMs && (dpuId === null || isWanted(dpuId)),
  );
}
