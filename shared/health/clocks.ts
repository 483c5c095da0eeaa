// Clocks that are off: the skew of a DPU as the time from an event's timestamp to its receipt, which no delay makes negative.
import type { DpuId } from '../ids.ts';
import type { StoredEvent } from '../storage/history.ts';
import type { QuarantineItem } from '../storage/quarantine.ts';
import { type Finding, type Observation, quantile } from './finding.ts';

/** Fewer say nothing. */
const EVENTS_MIN = 10;
/** A clock set by network time is right to some ms; so much ahead is no rounding. */
const AHEAD_MS = 2_000;
/** Devices send at once; so much behind, always the same, is no delay. */
const BEHIND_MS = 30_000;
/** Events that were on time are no further than this behind the quickest one. */
const ON_TIME_MS = 10_000;
/** Of the events so many must have been on time: a backlog has hardly two that waited equally long. */
const ON_TIME_SHARE = 0.25;
/** What came in one go waited alike. */
const APART_MS = 600_000;

/** How far the clock of the DPU of `events` is ahead, ms, by those that were on time; null: there are none. */
export function skewMsOf(events: readonly Pick<StoredEvent, 'receivedAtMs' | 'timestampMs'>[]): number | null {
  const delays = events.map((event) => event.receivedAtMs - event.timestampMs).sort((one, other) => one - other);
  const least = delays[0];
  if (least === undefined) return null;
  const onTime = delays.filter((delay) => delay <= least + ON_TIME_MS);
  return -quantile(onTime, 0.5);
}

export function clocksOff({ eventsOf }: Observation): Finding[] {
  return [...eventsOf].flatMap(([dpuId, events]) => {
    const delays = events.map((event) => event.receivedAtMs - event.timestampMs).sort((one, other) => one - other);
    const least = delays[0];
    if (delays.length < EVENTS_MIN || least === undefined) return [];
    const onTime = events.filter((event) => event.receivedAtMs - event.timestampMs <= least + ON_TIME_MS);
    const isSteady = onTime.length >= Math.max(EVENTS_MIN, ON_TIME_SHARE * events.length);
    const receipts = onTime.map((event) => event.receivedAtMs);
    const isSpread = Math.max(...receipts) - Math.min(...receipts) >= APART_MS;
    const isAhead = quantile(delays, 0.1) <= -AHEAD_MS;
    if (!isAhead && !(least >= BEHIND_MS && isSteady && isSpread)) return [];
    const skewMs = skewMsOf(events) ?? 0;
    const numbers = { skew_ms: skewMs, least_delay_ms: least, events: events.length, events_on_time: onTime.length };
    const times = { from: events[0]?.timestampMs ?? 0, until: events.at(-1)?.timestampMs ?? 0 };
    return [clockOff(dpuId, numbers, times, skewMs > 0 ? 'ahead of' : 'behind')];
  });
}

/** What clocks that are far off send is in quarantine, where no event of theirs counts. */
export function clocksFarOff(items: readonly QuarantineItem[]): Finding[] {
  const ofDpu = Map.groupBy(items, ({ dpuId }) => dpuId);
  return [...ofDpu].flatMap(([dpuId, own]) => {
    if (dpuId === null) return [];
    const received = own.map(({ receivedAtMs }) => receivedAtMs);
    const isAhead = own.some(({ reason }) => reason === 'clock_in_future');
    const times = { from: Math.min(...received), until: Math.max(...received) };
    return [clockOff(dpuId, { messages_quarantined: own.length }, times, isAhead ? 'ahead of' : 'behind')];
  });
}

function clockOff(
  dpuId: DpuId,
  numbers: Finding['numbers'],
  times: Finding['times'],
  how: 'ahead of' | 'behind',
): Finding {
  const action = `the clock of DPU ${dpuId} is ${how} the clock of the service: set it by network time (NTP)`;
  return { kind: 'clock_off', spaceIds: [], dpuIds: [dpuId], numbers, times, action };
}

/** Items of DPUs that nobody has entered. */
export function unknownDpus(items: readonly QuarantineItem[]): Finding[] {
  return [...Map.groupBy(items, ({ dpuId }) => dpuId)].flatMap(([dpuId, own]) => {
    if (dpuId === null) return [];
    const received = own.map(({ receivedAtMs }) => receivedAtMs);
    return [
      {
        kind: 'unknown_dpu' as const,
        spaceIds: [],
        dpuIds: [dpuId],
        numbers: { messages_quarantined: own.length },
        times: { from: Math.min(...received), until: Math.max(...received) },
        action: `events of ${dpuId} wait in quarantine: POST /v1/dpus with its id, which replays them, or take the device away`,
      },
    ];
  });
}
