// Calendar buckets: their edges in zones with and without changes, and that the short way to them is the right one.
import { expect, test } from 'vitest';
import { BUCKETS_MAX, bucketsOf } from '../../api/buckets.ts';
import { Problem } from '../../api/problem.ts';
import { bucketEndMs, bucketStartMs, INTERVALS, type Interval } from '../../shared/calendar.ts';

const HOUR_MS = 3_600_000;

type Zoned = { readonly fromMs: number | null; readonly timeZone: string };

function bucketsIn(zones: string | readonly Zoned[], interval: Interval, from: string, until: string): string[] {
  const versions = typeof zones === 'string' ? [{ fromMs: null, timeZone: zones }] : zones;
  const span = { fromMs: Date.parse(from), untilMs: Date.parse(until) };
  return bucketsOf(versions, interval, span).map(
    ({ fromMs, untilMs }) => `${new Date(fromMs).toISOString()} ${(untilMs - fromMs) / HOUR_MS} h`,
  );
}

test('the first bucket rounds down, the last is cut', () => {
  expect(bucketsIn('UTC', '1h', '2026-05-01T08:59:59.999Z', '2026-05-01T10:30:00Z')).toEqual([
    '2026-05-01T08:00:00.000Z 1 h',
    '2026-05-01T09:00:00.000Z 1 h',
    '2026-05-01T10:00:00.000Z 0.5 h',
  ]);
});

test('a range that ends where a bucket begins does not hold it', () => {
  expect(bucketsIn('UTC', '1d', '2026-05-01T00:00:00Z', '2026-05-02T00:00:00Z')).toEqual([
    '2026-05-01T00:00:00.000Z 24 h',
  ]);
});

test('days of 23 and 25 hours are as they are', () => {
  expect(bucketsIn('Europe/Berlin', '1d', '2026-03-28T12:00:00Z', '2026-03-30T21:00:00Z')).toEqual([
    '2026-03-27T23:00:00.000Z 24 h',
    '2026-03-28T23:00:00.000Z 23 h',
    '2026-03-29T22:00:00.000Z 23 h',
  ]);
  expect(bucketsIn('Europe/Berlin', '1d', '2026-10-25T00:00:00Z', '2026-10-26T23:00:00Z')).toEqual([
    '2026-10-24T22:00:00.000Z 25 h',
    '2026-10-25T23:00:00.000Z 24 h',
  ]);
});

test('weeks begin on Monday, also the one with the change', () => {
  expect(bucketsIn('Europe/Berlin', '1w', '2026-03-25T12:00:00Z', '2026-04-05T22:00:00Z')).toEqual([
    '2026-03-22T23:00:00.000Z 167 h',
    '2026-03-29T22:00:00.000Z 168 h',
  ]);
});

test('a change of the zone ends a bucket; a version with the same zone does not', () => {
  const zones = [
    { fromMs: null, timeZone: 'UTC' },
    { fromMs: Date.parse('2026-05-01T06:00:00Z'), timeZone: 'UTC' },
    { fromMs: Date.parse('2026-05-01T12:30:00Z'), timeZone: 'Asia/Tokyo' },
  ];
  expect(bucketsIn(zones, '1d', '2026-05-01T00:00:00Z', '2026-05-02T15:00:00Z')).toEqual([
    '2026-05-01T00:00:00.000Z 12.5 h',
    '2026-05-01T12:30:00.000Z 2.5 h',
    '2026-05-01T15:00:00.000Z 24 h',
  ]);
  expect(bucketsIn(zones, '1h', '2026-05-01T12:00:00Z', '2026-05-01T14:00:00Z')).toEqual([
    '2026-05-01T12:00:00.000Z 0.5 h',
    '2026-05-01T12:30:00.000Z 0.5 h',
    '2026-05-01T13:00:00.000Z 1 h',
  ]);
});

test.each([
  // A midnight that is skipped, a date that is left out, half-hour changes, and a zone without any.
  ['America/Sao_Paulo', '2017-09-01T00:00:00Z', '2018-12-01T00:00:00Z'],
  ['Pacific/Apia', '2011-11-01T00:00:00Z', '2012-06-01T00:00:00Z'],
  ['Australia/Lord_Howe', '2025-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
  ['America/Havana', '2025-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
  ['UTC', '2025-12-01T00:00:00Z', '2026-02-01T00:00:00Z'],
])('in %s every bucket is the one that the calendar says', (zone, from, until) => {
  const span = { fromMs: Date.parse(from), untilMs: Date.parse(until) };
  for (const interval of INTERVALS.filter((each) => each !== '1m' && each !== '5m')) {
    const buckets = bucketsOf([{ fromMs: null, timeZone: zone }], interval, span);
    let atMs = bucketStartMs(span.fromMs, interval, zone);
    for (const bucket of buckets) {
      const endMs = Math.min(bucketEndMs(atMs, interval, zone), span.untilMs);
      expect(bucket).toEqual({ fromMs: atMs, untilMs: endMs });
      atMs = endMs;
    }
    expect(atMs).toBe(span.untilMs);
  }
});

test('an empty range has no bucket, a huge one is refused before it is made', () => {
  expect(bucketsIn('UTC', '1m', '2026-05-01T00:00:00Z', '2026-05-01T00:00:00Z')).toEqual([]);
  const many = { fromMs: 0, untilMs: (BUCKETS_MAX + 1) * 60_000 };
  expect(() => bucketsOf([{ fromMs: null, timeZone: 'UTC' }], '1m', many)).toThrow(Problem);
});
