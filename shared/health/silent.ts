// Silent DPUs: no event for so long, while others were busy, that it cannot be for lack of people.
import type { DpuId, SpaceId } from '../ids.ts';
import { placementAt } from '../mapping.ts';
import type { Span, StoredEvent } from '../storage/history.ts';
import { startMs, versionAt } from '../versions.ts';
import type { Finding, Observation } from './finding.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Fewer are no rate. */
const EVENTS_MIN = 5;
/** Events that should have come by now; with so many, silence by chance is one in 20,000. */
const MISSING_MIN = 10;
/** Of the others while a DPU that has sent nothing at all was watching: fewer may be a quiet building. */
const BUSY_EVENTS = 100;

type Silence = { readonly sinceMs: number; readonly numbers: Record<string, number> };

/** The DPUs on a doorway at the end of the span that have sent nothing for an hour; of these what was heard matters. */
export function quietDpus({ plan, span, eventsOf }: Omit<Observation, 'heardOf'>): DpuId[] {
  return [...plan.dpus.values()].flatMap((dpu) => {
    const atMs = span.untilMs - 1;
    if (placementAt(dpu, atMs) === undefined || (dpu.retiredAtMs ?? atMs + 1) <= atMs) return [];
    const isExcused = dpu.outages.some(
      (outage) => outage.revokedAtMs === null && startMs(outage) <= atMs && (outage.untilMs ?? atMs + 1) > atMs,
    );
    const lastMs = eventsOf.get(dpu.id)?.at(-1)?.timestampMs ?? Number.NEGATIVE_INFINITY;
    return isExcused || lastMs > atMs - HOUR_MS ? [] : [dpu.id];
  });
}

export function silentDpus(observation: Observation): Finding[] {
  const { span, heardOf } = observation;
  const busy = new Busyness(observation);
  return quietDpus(observation).flatMap((dpuId) => {
    const events = observation.eventsOf.get(dpuId) ?? [];
    const silence = events.length === 0 ? goneSilence(observation, busy, dpuId) : newSilence(span, busy, dpuId, events);
    if (silence === null) return [];
    const heardAtMs = heardOf.get(dpuId)?.heardAtMs ?? null;
    const isThere = heardAtMs !== null && heardAtMs > span.untilMs - HOUR_MS;
    const action = isThere
      ? `DPU ${dpuId} is connected but sees nobody: look whether it is covered, turned away or has lost its settings`
      : `DPU ${dpuId} is not heard: look after its power and network; if it is down for good, POST /v1/dpus/${dpuId}/outages`;
    const heard = heardAtMs === null ? {} : { heard: heardAtMs };
    const spaceIds = spacesOf(observation, dpuId);
    const times = { last_event: silence.sinceMs, ...heard };
    return [{ kind: 'silent_dpu' as const, spaceIds, dpuIds: [dpuId], numbers: silence.numbers, times, action }];
  });
}

/**
 * It sent something within the span: how much should have come since, hour by hour? No more than it usually sends at that
 * time of day, and no more than its neighbours let expect: a weekend is quiet for all, an exit is when nobody leaves.
 */
function newSilence(span: Span, busy: Busyness, dpuId: DpuId, events: readonly StoredEvent[]): Silence | null {
  const sinceMs = events.at(-1)?.timestampMs ?? 0;
  if (events.length < EVENTS_MIN) return null;
  const others = busy.around(dpuId);
  const before = others(span.fromMs, sinceMs + 1);
  if (before === 0) return null;
  const usual = usualByHour(events, span.fromMs, sinceMs);
  let missing = 0;
  for (let fromMs = sinceMs + 1; fromMs < span.untilMs; ) {
    const hour = Math.floor(fromMs / HOUR_MS);
    const untilMs = Math.min(span.untilMs, (hour + 1) * HOUR_MS);
    const byNeighbours = (events.length / before) * others(fromMs, untilMs);
    const byItself = usual === null ? byNeighbours : ((usual[hour % 24] ?? 0) * (untilMs - fromMs)) / HOUR_MS;
    missing += Math.min(byNeighbours, byItself);
    fromMs = untilMs;
  }
  if (missing < MISSING_MIN) return null;
  const numbers = { silent_hours: hours(span.untilMs - sinceMs), events_missing: Math.round(missing) };
  return { sinceMs, numbers: { ...numbers, events_of_neighbours: others(sinceMs + 1, span.untilMs) } };
}

/** It sent nothing in the span, but was heard before that, and others were busy. */
function goneSilence({ span, heardOf }: Observation, busy: Busyness, dpuId: DpuId): Silence | null {
  const heardAtMs = heardOf.get(dpuId)?.heardAtMs ?? null;
  if (heardAtMs === null || heardAtMs >= span.fromMs) return null;
  const others = busy.around(dpuId)(span.fromMs, span.untilMs);
  if (others < BUSY_EVENTS) return null;
  const numbers = { silent_hours: hours(span.untilMs - heardAtMs), events_of_neighbours: others };
  return { sinceMs: heardAtMs, numbers };
}

function hours(ms: number): number {
  return Math.round((ms / HOUR_MS) * 10) / 10;
}

/** Events of the DPU in each hour of the day, the mean of the whole days before its silence; null when there was none. */
function usualByHour(events: readonly StoredEvent[], fromMs: number, sinceMs: number): number[] | null {
  const days = Math.floor((sinceMs - fromMs) / DAY_MS);
  if (days === 0) return null;
  const byHour = new Array<number>(24).fill(0);
  for (const { timestampMs } of events) {
    if (timestampMs <= sinceMs - days * DAY_MS) continue;
    const hour = Math.floor(timestampMs / HOUR_MS) % 24;
    byHour[hour] = (byHour[hour] ?? 0) + 1 / days;
  }
  return byHour;
}

type CountIn = (fromMs: number, untilMs: number) => number;

/** How busy it was around a DPU. */
class Busyness {
  readonly #observation: Observation;
  #all: number[] | null = null;

  constructor(observation: Observation) {
    this.#observation = observation;
  }

  /** Counts events of the other DPUs of its doorway's spaces; of all others where those have none. */
  around(dpuId: DpuId): CountIn {
    const { watch, eventsOf } = this.#observation;
    const near = new Set(spacesOf(this.#observation, dpuId).flatMap((spaceId) => [...watch.everOf(spaceId)]));
    near.delete(dpuId);
    const lists = [...near].map((other) => timesOf(eventsOf.get(other) ?? [])).filter((times) => times.length > 0);
    if (lists.length > 0) return (fromMs, untilMs) => sum(lists.map((times) => within(times, fromMs, untilMs)));
    this.#all ??= [...eventsOf.values()].flatMap(timesOf).sort((one, other) => one - other);
    const all = this.#all;
    const own = timesOf(eventsOf.get(dpuId) ?? []);
    return (fromMs, untilMs) => within(all, fromMs, untilMs) - within(own, fromMs, untilMs);
  }
}

function timesOf(events: readonly StoredEvent[]): number[] {
  return events.map((event) => event.timestampMs);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** How many of `times`, which are in order, lie in [fromMs, untilMs). */
function within(times: readonly number[], fromMs: number, untilMs: number): number {
  return indexOf(times, untilMs) - indexOf(times, fromMs);
}

/** Of the first of `times` (in order) that is not before `atMs`. */
function indexOf(times: readonly number[], atMs: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The two sides of the doorway that it watches at the end of the span. */
function spacesOf({ plan, span }: Observation, dpuId: DpuId): SpaceId[] {
  const atMs = span.untilMs - 1;
  const dpu = plan.dpus.get(dpuId);
  const placement = dpu === undefined ? undefined : placementAt(dpu, atMs);
  const sides = placement === undefined ? undefined : plan.doorways.get(placement.doorwayId);
  const { a, b } = versionAt(sides?.versions ?? [], atMs) ?? { a: null, b: null };
  return [a, b].filter((side) => side !== null);
}
