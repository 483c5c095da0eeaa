// Local time: days of 23, 24.5 and 25 hours, skipped and repeated times of day, and the date that Apia left out.
import { expect, test } from 'vitest';
import {
  bucketEndMs,
  bucketStartMs,
  type Interval,
  isDateInZone,
  isTimeZone,
  localInstantMs,
} from '../../shared/calendar.ts';

const iso = (ms: number) => new Date(ms).toISOString();
const date = (text: string) => Temporal.PlainDate.from(text);

test.each([
  ['Europe/Berlin', '2026-03-29', '02:30', '2026-03-29T01:00:00.000Z', 'skipped: the instant of the change'],
  ['Europe/Berlin', '2026-10-25', '02:30', '2026-10-25T00:30:00.000Z', 'twice: the first'],
  ['America/New_York', '2026-03-08', '02:00', '2026-03-08T07:00:00.000Z', 'skipped at its very edge'],
  ['Australia/Lord_Howe', '2026-10-04', '02:15', '2026-10-03T15:30:00.000Z', 'a gap of half an hour'],
  ['Asia/Kolkata', '2026-01-15', '04:00', '2026-01-14T22:30:00.000Z', 'an ordinary day'],
])('%s %s %s is %s (%s)', (zone, day, time, instant) => {
  expect(iso(localInstantMs(date(day), time, zone))).toBe(instant);
});

test('a date that a zone left out is not in it', () => {
  expect(['2011-12-29', '2011-12-30', '2011-12-31'].map((day) => isDateInZone(date(day), 'Pacific/Apia'))).toEqual([
    true,
    false,
    true,
  ]);
});

test('only zones of the time zone database are zones', () => {
  expect(['Europe/Berlin', 'UTC', 'Mars/Olympus', ''].map(isTimeZone)).toEqual([true, true, false, false]);
});

test.each<[Interval, string, string, number]>([
  ['1d', 'Europe/Berlin', '2026-03-29T12:00:00Z', 23],
  ['1d', 'Europe/Berlin', '2026-10-25T12:00:00Z', 25],
  ['1d', 'Australia/Lord_Howe', '2026-10-04T02:00:00Z', 23.5],
  ['1d', 'UTC', '2026-03-29T12:00:00Z', 24],
  ['1w', 'Europe/Berlin', '2026-03-29T12:00:00Z', 7 * 24 - 1],
  ['1h', 'Europe/Berlin', '2026-03-29T01:30:00Z', 1],
])('a bucket of %s in %s at %s is %s hours long', (interval, zone, at, hours) => {
  const startMs = bucketStartMs(Date.parse(at), interval, zone);
  expect((bucketEndMs(startMs, interval, zone) - startMs) / 3_600_000).toBe(hours);
});

test.each<[Interval]>([
  ['1m'],
  ['5m'],
  ['15m'],
  ['1h'],
  ['1d'],
  ['1w'],
])('buckets of %s follow one another without a gap over a year of changes', (interval) => {
  const untilMs = Date.UTC(2026, 11, 1);
  let startMs = bucketStartMs(Date.UTC(2026, interval === '1m' ? 9 : 0, 20), interval, 'Australia/Lord_Howe');
  for (let steps = 0; startMs < untilMs && steps < 20_000; steps++) {
    const endMs = bucketEndMs(startMs, interval, 'Australia/Lord_Howe');
    expect(endMs).toBeGreaterThan(startMs);
    if (bucketStartMs(endMs - 1, interval, 'Australia/Lord_Howe') !== startMs)
      expect.fail(`${iso(startMs)} to ${iso(endMs)}`);
    if (bucketStartMs(endMs, interval, 'Australia/Lord_Howe') !== endMs) expect.fail(`nothing begins at ${iso(endMs)}`);
    startMs = endMs;
  }
});
