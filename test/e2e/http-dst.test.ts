// Days on which the clock is changed, worked out by hand: daily resets inside the gap and the overlap, days, weeks and nights.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, httpClient, untilStored } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';

let service: Service;
let client: Client;

beforeAll(async () => {
  service = await startService();
  client = httpClient(service.httpUrl);
});
afterAll(() => service.stop());

const MINUTE_MS = 60_000;
const iso = (ms: number) => new Date(ms).toISOString();

/** All in UTC but `daily` and `date`: when the reset of the date happens, where its day and week begin and end, 4 am. */
type Case = {
  readonly zone: string;
  readonly date: string;
  readonly daily: string;
  readonly reset: string;
  readonly day: readonly [string, string];
  readonly week: readonly [string, string];
  readonly night: string;
};

const CASES: readonly Case[] = [
  {
    zone: 'Europe/Berlin',
    date: '2025-03-30', // 02:00 is followed by 03:00
    daily: '02:30',
    reset: '2025-03-30T01:00:00Z',
    day: ['2025-03-29T23:00:00Z', '2025-03-30T22:00:00Z'],
    week: ['2025-03-23T23:00:00Z', '2025-03-30T22:00:00Z'],
    night: '2025-03-30T02:00:00Z',
  },
  {
    zone: 'Europe/Berlin',
    date: '2025-10-26', // 03:00 is followed by 02:00
    daily: '02:30',
    reset: '2025-10-26T00:30:00Z',
    day: ['2025-10-25T22:00:00Z', '2025-10-26T23:00:00Z'],
    week: ['2025-10-19T22:00:00Z', '2025-10-26T23:00:00Z'],
    night: '2025-10-26T03:00:00Z',
  },
  {
    zone: 'America/New_York',
    date: '2025-03-09', // 02:00 is followed by 03:00
    daily: '02:30',
    reset: '2025-03-09T07:00:00Z',
    day: ['2025-03-09T05:00:00Z', '2025-03-10T04:00:00Z'],
    week: ['2025-03-03T05:00:00Z', '2025-03-10T04:00:00Z'],
    night: '2025-03-09T08:00:00Z',
  },
  {
    zone: 'America/New_York',
    date: '2025-11-02', // 02:00 is followed by 01:00
    daily: '01:30',
    reset: '2025-11-02T05:30:00Z',
    day: ['2025-11-02T04:00:00Z', '2025-11-03T05:00:00Z'],
    week: ['2025-10-27T04:00:00Z', '2025-11-03T05:00:00Z'],
    night: '2025-11-02T09:00:00Z',
  },
  {
    zone: 'Australia/Lord_Howe',
    date: '2025-10-05', // 02:00 is followed by 02:30
    daily: '02:15',
    reset: '2025-10-04T15:30:00Z',
    day: ['2025-10-04T13:30:00Z', '2025-10-05T13:00:00Z'],
    week: ['2025-09-28T13:30:00Z', '2025-10-05T13:00:00Z'],
    night: '2025-10-04T17:00:00Z',
  },
  {
    zone: 'Australia/Lord_Howe',
    date: '2025-04-06', // 02:00 is followed by 01:30
    daily: '01:45',
    reset: '2025-04-05T14:45:00Z',
    day: ['2025-04-05T13:00:00Z', '2025-04-06T13:30:00Z'],
    week: ['2025-03-30T13:00:00Z', '2025-04-06T13:30:00Z'],
    night: '2025-04-05T17:30:00Z',
  },
  {
    zone: 'Pacific/Apia',
    date: '2011-12-31', // the day after the 29th
    daily: '00:00',
    reset: '2011-12-30T10:00:00Z',
    day: ['2011-12-30T10:00:00Z', '2011-12-31T10:00:00Z'],
    week: ['2011-12-26T10:00:00Z', '2012-01-01T10:00:00Z'],
    night: '2011-12-30T14:00:00Z',
  },
];

/** A space with one door; somebody comes in at each of `moments`. */
async function space(name: string, zone: string, daily: string, moments: readonly number[]): Promise<string> {
  const id = `${name.replaceAll('/', '-')}`;
  await client.post('/v1/spaces', { id, time_zone: zone, daily_reset: daily });
  await client.post('/v1/doorways', { id: `${id}-X`, a: id, b: null });
  await client.post('/v1/dpus', { id: `${id}-1` });
  await client.post(`/v1/dpus/${id}-1/placements`, { doorway_id: `${id}-X`, facing: 'a' });
  const path = `/v1/dpus/${id}-1/events`;
  await client.post(
    path,
    moments.map((timestamp) => ({ timestamp, direction: 1 })),
  );
  await untilStored(client, moments.length, `${path}?page_size=1`);
  return id;
}

const countAt = async (id: string, atMs: number) => (await client.get(`/v1/spaces/${id}/count?at=${atMs}`)).count;
const series = async (id: string, [from, until]: readonly [string, string], interval: string) =>
  (await client.get(`/v1/spaces/${id}/counts?start_time=${from}&end_time=${until}&interval=${interval}`)).results;

test.each(CASES)('$zone on $date: the reset at $daily, the day, its week and its night', async (one) => {
  const resetMs = Date.parse(one.reset);
  const moments = [resetMs - MINUTE_MS, resetMs, resetMs + MINUTE_MS];
  const id = await space(`${one.zone}-${one.date}`, one.zone, one.daily, moments);

  // An event at the reset's instant is before it; where the local time comes twice, the second time is no reset.
  const around = [resetMs - MINUTE_MS, resetMs - 1, resetMs, resetMs + MINUTE_MS, resetMs + 120 * MINUTE_MS];
  const counts = await Promise.all(around.map((atMs) => countAt(id, atMs)));
  expect(counts).toEqual([1, 1, 0, 1, 1]);

  // In Apia the minute before the reset is in the day before.
  const isFirstOfDay = resetMs === Date.parse(one.day[0]);
  const [start, end] = one.day.map((text) => iso(Date.parse(text)));
  const entered = isFirstOfDay ? 2 : 3;
  const analytics = { min: 0, max: 1, entrances: entered, exits: 0, events: entered };
  expect(await series(id, one.day, '1d')).toEqual([
    { timestamp: start, count: 1, interval: { start, end, analytics } },
  ]);
  const [weekStart, weekEnd] = one.week.map((text) => iso(Date.parse(text)));
  const [week, ...others] = await series(id, one.week, '1w');
  expect(others).toEqual([]);
  expect(week).toMatchObject({ timestamp: weekStart, interval: { start: weekStart, end: weekEnd } });
  expect(week.interval.analytics.entrances).toBe(3);

  const range = `start_time=${one.day[0]}&end_time=${one.day[1]}`;
  const nights = (await client.get(`/v1/spaces/${id}/drift?${range}`)).results;
  expect(nights).toMatchObject([{ date: one.date, at: iso(Date.parse(one.night)), count: 1, drift: 1 }]);
});

test('a date that a zone left out has no reset, no day and no night', async () => {
  const enteredMs = Date.parse('2011-12-29T15:00:00Z');
  const id = await space('Apia', 'Pacific/Apia', '04:00', [enteredMs]);
  // 4 am on the 29th, and then on the 31st.
  expect(await countAt(id, Date.parse('2011-12-30T13:59:59.999Z'))).toBe(1);
  expect(await countAt(id, Date.parse('2011-12-30T14:00:00Z'))).toBe(0);
  const range = ['2011-12-28T10:00:00Z', '2012-01-01T10:00:00Z'] as const;
  const days = await series(id, range, '1d');
  const starts = days.map((day: { timestamp: string }) => day.timestamp);
  expect(starts).toEqual(['28', '29', '30', '31'].map((date) => `2011-12-${date}T10:00:00.000Z`));
  const hours = await series(id, ['2011-12-30T09:00:00Z', '2011-12-30T11:00:00Z'], '1h');
  expect(hours.map((hour: { timestamp: string }) => hour.timestamp)).toEqual([
    '2011-12-30T09:00:00.000Z',
    '2011-12-30T10:00:00.000Z',
  ]);
  const nights = (await client.get(`/v1/spaces/${id}/drift?start_time=${range[0]}&end_time=${range[1]}`)).results;
  expect(nights.map((night: { date: string; count: number }) => [night.date, night.count])).toEqual([
    ['2011-12-28', 0],
    ['2011-12-29', 0],
    ['2011-12-31', 1],
    ['2012-01-01', 0],
  ]);
});
