// Findings: an office that is well gives none, and each thing that goes wrong is found with its evidence.
import { describe, expect, test } from 'vitest';
import { clocksFarOff, clocksOff, unknownDpus } from '../../shared/health/clocks.ts';
import type { Finding, Observation } from '../../shared/health/finding.ts';
import { flowsOf } from '../../shared/health/flow.ts';
import { reversedSensors, suspectsOf } from '../../shared/health/reversed.ts';
import { samePeople } from '../../shared/health/same-people.ts';
import { reusedSequences } from '../../shared/health/sequences.ts';
import { quietDpus, silentDpus } from '../../shared/health/silent.ts';
import type { OutageId } from '../../shared/ids.ts';
import type { StoredEvent } from '../../shared/storage/history.ts';
import {
  besideEntrance,
  DAY_MS,
  dpu,
  eventOf,
  FROM_MS,
  HOUR_MS,
  journeys,
  MINUTE_MS,
  observe,
  UNTIL_MS,
} from '../support/office.ts';

const well = journeys().map(eventOf);
const of = (number: number) => (event: StoredEvent) => event.dpuId === dpu(number);
const FRIDAY_MS = FROM_MS + 4 * DAY_MS;

/** Spaces that were empty at the beginning of each day. */
function findingsOf(observation: Observation): Finding[] {
  return [
    ...reversedSensors(suspectsOf(flowsOf(observation)), []),
    ...silentDpus(observation),
    ...samePeople(observation),
    ...clocksOff(observation),
    ...reusedSequences(observation),
  ];
}

const kinds = (findings: readonly Finding[]) => findings.map(({ kind, dpuIds }) => [kind, ...dpuIds]);

describe('an office that is well', () => {
  test.each([
    ['after the weekend', UNTIL_MS],
    ['on Friday night', FRIDAY_MS + 22 * HOUR_MS],
    ['on Friday at noon', FRIDAY_MS + 12 * HOUR_MS],
    ['on Friday before anybody comes', FRIDAY_MS + 6 * HOUR_MS],
    ['in the first hours', FROM_MS + 9 * HOUR_MS],
  ])('gives no finding %s', (_, untilMs) => {
    expect(findingsOf(observe(well, { untilMs }))).toEqual([]);
  });

  test('gives none when its sensors miss one crossing in thirty', () => {
    expect(findingsOf(observe(well.filter((_, index) => index % 30 !== 0)))).toEqual([]);
  });
});

describe('a sensor the other way round', () => {
  test('above the only door of a room empties it below zero day after day', () => {
    const events = well.map((event) => (of(4)(event) ? { ...event, direction: -event.direction as 1 | -1 } : event));
    const [finding, ...others] = findingsOf(observe(events));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ kind: 'reversed_sensor', dpuIds: [dpu(4)], spaceIds: ['office-1-0-3'] });
    // Ten people have that room; each day it goes down to -10, and never above zero.
    expect(finding?.numbers).toMatchObject({ days: 6, below_zero_people: 50, below_zero_people_if_reversed: 0 });
  });

  test('above the entrance does so to every space around it', () => {
    const events = well.map((event) => (of(1)(event) ? { ...event, direction: -event.direction as 1 | -1 } : event));
    const findings = findingsOf(observe(events));
    expect(kinds(findings)).toEqual([['reversed_sensor', dpu(1)]]);
    expect(findings[0]?.spaceIds.toSorted()).toEqual(['office', 'office-1', 'office-1-0']);
  });

  test('at one of two doors that people go through one way fills the room', () => {
    // Into room 6 through door 7, out through door 8, which counts them in.
    const events = well.map((event) => {
      if (!of(7)(event) || event.direction === 1) return event;
      return { ...event, dpuId: dpu(8), direction: 1 as const };
    });
    const [finding, ...others] = findingsOf(observe(events));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ kind: 'reversed_sensor', dpuIds: [dpu(8)], spaceIds: ['office-1-0-6'] });
    expect(finding?.numbers).toMatchObject({ net_people_if_reversed: 0 });
  });

  test('is not blamed for a hotel, which is full at night and empty by day', () => {
    const hotel = well.map((event) => (of(1)(event) ? { ...event, direction: -event.direction as 1 | -1 } : event));
    const suspects = suspectsOf(flowsOf(observe(hotel)));
    const sixtyGuests = suspects.map(({ days }) => days.map(() => 60));
    expect(reversedSensors(suspects, sixtyGuests)).toEqual([]);
  });

  test('is not blamed where a doorway has no sensor', () => {
    // Everybody leaves through a door that nobody watches, and half of those who do are seen by another one.
    const events = well.filter((event) => !(of(1)(event) && event.direction === -1));
    expect(findingsOf(observe(events)).map(({ kind }) => kind)).toEqual(['one_way', 'one_way', 'one_way']);
  });
});

describe('a DPU that is silent', () => {
  const silentSince = (sinceMs: number) => well.filter((event) => !of(1)(event) || event.timestampMs < sinceMs);

  test('among busy ones is found on the next morning', () => {
    const findings = findingsOf(observe(silentSince(FRIDAY_MS), { untilMs: FRIDAY_MS + 9 * HOUR_MS }));
    expect(kinds(findings)).toEqual([['silent_dpu', dpu(1)]]);
    expect(findings[0]?.numbers['events_missing']).toBeGreaterThan(40);
    expect(findings[0]?.action).toContain('power');
  });

  test('but heard is covered or turned away', () => {
    const observation = observe(silentSince(FRIDAY_MS), { untilMs: FRIDAY_MS + 9 * HOUR_MS });
    const heardAtMs = FRIDAY_MS + 9 * HOUR_MS - MINUTE_MS;
    const heardOf = new Map([[dpu(1), { heardAtMs, heldAtMs: null, holdUntilMs: 0 }]]);
    expect(silentDpus({ ...observation, heardOf })[0]?.action).toContain('covered');
  });

  test('for longer than is looked at is still found', () => {
    const observation = observe(well.filter((event) => !of(1)(event)));
    const heard = { heardAtMs: FROM_MS - DAY_MS, heldAtMs: null, holdUntilMs: 0 };
    expect(kinds(silentDpus({ ...observation, heardOf: new Map([[dpu(1), heard]]) }))).toEqual([
      ['silent_dpu', dpu(1)],
    ]);
  });

  test('and excused is no finding', () => {
    const outage = { id: 'o' as OutageId, dpuId: dpu(1), fromMs: FRIDAY_MS, untilMs: null, reason: null };
    const excused = observe(silentSince(FRIDAY_MS), {
      untilMs: FRIDAY_MS + 9 * HOUR_MS,
      more: [{ kind: 'outage', ...outage }],
    });
    expect(silentDpus(excused)).toEqual([]);
    expect(quietDpus(excused)).not.toContain(dpu(1));
  });
});

describe('a sequence', () => {
  const numbered = well.filter(of(1)).map((event, index) => ({ ...event, epoch: 3, seq: index }));

  test('that goes on is no finding, neither is its restart in another epoch', () => {
    const restarted = numbered.map((event, index) => ({ ...event, epoch: index < 50 ? 3 : 4, seq: index % 50 }));
    expect(reusedSequences(observe(numbered))).toEqual([]);
    expect(reusedSequences(observe(restarted.slice(0, 100)))).toEqual([]);
  });

  test('that is used again is one', () => {
    const again = numbered.map((event, index) => (index < 50 ? event : { ...event, seq: index - 50 }));
    const [finding] = reusedSequences(observe(again.slice(0, 60)));
    expect(finding).toMatchObject({
      kind: 'sequence_reused',
      dpuIds: [dpu(1)],
      numbers: { events: 10, epoch: 3, seq: 0 },
    });
    expect(finding?.times).toEqual({ first: again[0]?.timestampMs, again: again[50]?.timestampMs });
  });
});

describe('two DPUs at one doorway', () => {
  const beside = besideEntrance(9);

  test('that see the same people are found', () => {
    const second = well
      .filter(of(1))
      .map((event) => ({ ...event, dpuId: dpu(9), timestampMs: event.timestampMs + 300 }));
    const findings = samePeople(observe([...well, ...second], { more: beside }));
    expect(kinds(findings)).toEqual([['same_people', dpu(1), dpu(9)]]);
    expect(findings[0]?.numbers).toMatchObject({ pairs: second.length, events_of_first: second.length });
  });

  test('that share a wide door are well, also when some walk side by side', () => {
    const shared = well.map((event, index) => (of(1)(event) && index % 2 === 0 ? { ...event, dpuId: dpu(9) } : event));
    const sideBySide = shared.filter(of(1)).filter((_, index) => index % 4 === 0);
    const both = [...shared, ...sideBySide.map((event) => ({ ...event, dpuId: dpu(9) }))];
    expect(samePeople(observe(both, { more: beside }))).toEqual([]);
  });

  test('in a crowd meet by chance', () => {
    const crowd = (door: number, phaseMs: number) =>
      Array.from({ length: 600 }, (_, index) =>
        eventOf({ atMs: FROM_MS + index * 1_000 + phaseMs, door, direction: 1 }),
      );
    expect(samePeople(observe([...crowd(1, 0), ...crowd(9, 400)], { more: beside }))).toEqual([]);
  });
});

describe('a clock', () => {
  const shifted = (ms: number) =>
    well.map((event) => (of(2)(event) ? { ...event, timestampMs: event.timestampMs + ms } : event));

  test.each([
    [5_000, 4_800],
    [200_000, 199_800],
    [-120_000, -120_200],
    [-2 * HOUR_MS, -2 * HOUR_MS - 200],
  ])('that is %d ms off is found', (ms, skewMs) => {
    const [finding, ...others] = clocksOff(observe(shifted(ms)));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ kind: 'clock_off', dpuIds: [dpu(2)], numbers: { skew_ms: skewMs } });
    expect(finding?.action).toContain(ms > 0 ? 'ahead of' : 'behind');
  });

  test('is right whatever else makes events late', () => {
    const sunday = UNTIL_MS - DAY_MS;
    const backlog = well.map((event) =>
      of(2)(event) && event.timestampMs > FRIDAY_MS ? { ...event, receivedAtMs: sunday } : event,
    );
    const replayed = well.map((event, index) => ({ ...event, receivedAtMs: UNTIL_MS + 8 * 365 * DAY_MS + index }));
    const byTheMinute = well.map((event) => ({
      ...event,
      receivedAtMs: Math.ceil(event.timestampMs / MINUTE_MS) * MINUTE_MS,
    }));
    const inOneGo = Array.from({ length: 20 }, (_, index) => ({
      ...eventOf({ atMs: FROM_MS + 100 * index, door: 3, direction: 1 }),
      receivedAtMs: FROM_MS + DAY_MS,
    }));
    const slowNetwork = well.filter(of(2)).map((event, index) => ({
      ...event,
      receivedAtMs: event.timestampMs + MINUTE_MS * (1 + (index % 10)),
    }));
    for (const events of [backlog, replayed, byTheMinute, inOneGo, slowNetwork]) {
      expect(clocksOff(observe(events))).toEqual([]);
    }
  });

  test('that is far off fills the quarantine, as DPUs do that nobody knows', () => {
    const item = { id: '1', topic: null, receivedAtMs: FROM_MS, payload: new Uint8Array(), detail: '' };
    const future = { ...item, dpuId: dpu(2), reason: 'clock_in_future' as const };
    const old = { ...item, dpuId: dpu(3), reason: 'too_old' as const };
    expect(clocksFarOff([future, future, old]).map(({ dpuIds, numbers, action }) => [dpuIds, numbers, action])).toEqual(
      [
        [[dpu(2)], { messages_quarantined: 2 }, expect.stringContaining('ahead of')],
        [[dpu(3)], { messages_quarantined: 1 }, expect.stringContaining('behind')],
      ],
    );
    expect(kinds(unknownDpus([{ ...item, dpuId: dpu(99), reason: 'unknown_dpu' }]))).toEqual([
      ['unknown_dpu', dpu(99)],
    ]);
  });
});
