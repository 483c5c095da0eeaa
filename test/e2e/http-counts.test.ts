// Counts over HTTP: now, at a moment, of many spaces, and with every kind of reset.
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Client, httpClient, untilStored } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';

let service: Service;
let client: Client;
let prefix: string;
let prefixes = 0;

beforeAll(async () => {
  service = await startService();
  client = httpClient(service.httpUrl);
});
afterAll(() => service.stop());
beforeEach(() => {
  prefix = `t${++prefixes}`;
});

const id = (name: string): string => `${prefix}-${name}`;

/** A space of its own with a door to the outside and a DPU that faces the space. */
async function room(fields: object = {}): Promise<void> {
  await client.post('/v1/spaces', { id: id('A'), ...fields });
  await client.post('/v1/doorways', { id: id('X'), a: id('A'), b: null });
  await client.post('/v1/dpus', { id: id('1') });
  await client.post(`/v1/dpus/${id('1')}/placements`, { doorway_id: id('X'), facing: 'a' });
}

let sent = 0;
async function send(events: readonly (readonly [at: string | number, direction: 1 | -1])[]): Promise<void> {
  const before = (await client.get(`/v1/dpus/${id('1')}/events?page_size=1`)).total;
  await client.post(
    `/v1/dpus/${id('1')}/events`,
    events.map(([timestamp, direction]) => ({ timestamp, direction, seq: ++sent })),
  );
  await untilStored(client, before + events.length, `/v1/dpus/${id('1')}/events?page_size=1`);
}

const at = (moment: string) => client.get(`/v1/spaces/${id('A')}/count?at=${encodeURIComponent(moment)}`);
const now = () => client.get(`/v1/spaces/${id('A')}/count`);
const countAt = async (moment: string): Promise<number> => (await at(moment)).count;

test('a count at a moment holds the events up to and with it', async () => {
  await room();
  await send([
    ['2026-01-01T08:00:00.000Z', 1],
    ['2026-01-01T08:00:00.001Z', 1],
    ['2026-01-01T09:00:00.000Z', -1],
  ]);
  expect(await at('2026-01-01T08:00:00.000Z')).toEqual({
    space_id: id('A'),
    at: '2026-01-01T08:00:00.000Z',
    count: 1,
    occupancy: 1,
    status: 'settled',
    watermark: expect.any(String),
    waiting_for: [],
    lost: [],
    coverage: 'full',
    reset: null,
    revision: expect.any(Number),
  });
  expect(await countAt('2026-01-01T07:59:59.999Z')).toBe(0);
  expect(await countAt('2026-01-01T09:00:00.001+01:00')).toBe(2);
  expect(await countAt(String(Date.parse('2026-01-01T09:00:00Z')))).toBe(1);
  expect((await now()).count).toBe(1);
});

test('a true sum may be negative, occupancy never is', async () => {
  await room();
  await send([['2026-01-01T08:00:00Z', -1]]);
  expect(await now()).toMatchObject({ count: -1, occupancy: 0 });
});

test('resets set, adjustments add, and both end with what came before', async () => {
  await room();
  const [nine, ten, eleven] = ['2026-01-01T09:00:00.000Z', '2026-01-01T10:00:00.000Z', '2026-01-01T11:00:00.000Z'];
  await send([
    ['2026-01-01T08:00:00Z', 1],
    [ten, 1],
    ['2026-01-01T10:00:00.001Z', 1],
  ]);
  const path = `/v1/spaces/${id('A')}/resets`;
  await client.post(path, { at: nine, change: '+3' });
  expect(await at(nine)).toMatchObject({ count: 4, reset: null });
  const reset = await client.post(path, { at: ten, count: 10, reason: 'seen' });
  expect(reset).toMatchObject({
    space_id: id('A'),
    at: ten,
    count: 10,
    change: null,
    reason: 'seen',
    revoked_at: null,
  });
  // The event at the reset's instant is before it.
  expect(await at(ten)).toMatchObject({ count: 10, reset: { id: reset.id, at: ten, count: 10 } });
  expect(await countAt('2026-01-01T10:00:00.001Z')).toBe(11);
  await client.post(path, { at: eleven, change: -2 });
  expect(await countAt('2026-01-01T10:59:59.999Z')).toBe(11);
  expect(await countAt(eleven)).toBe(9);
  expect((await now()).count).toBe(9);
  await client.post(`${path}/${reset.id}/revoke`);
  expect((await now()).count).toBe(4);
  expect((await client.get(path)).results.map((one: { count: number | null }) => one.count)).toEqual([null, 10, null]);
});

test('of resets at one instant the later recorded holds, and a manual one beats the daily one', async () => {
  await room({ daily_reset: '04:00' });
  const path = `/v1/spaces/${id('A')}/resets`;
  const four = '2026-01-02T04:00:00.000Z';
  expect(await at(four)).toMatchObject({ count: 0, reset: { id: null, at: four, count: 0 } });
  await client.post(path, { at: four, count: 7 });
  const later = await client.post(path, { at: four, count: 5 });
  expect(await at('2026-01-03T03:59:59.999Z')).toMatchObject({ count: 5, reset: { id: later.id } });
  expect(await at('2026-01-03T04:00:00Z')).toMatchObject({ count: 0, reset: { id: null } });
});

test('a daily reset at a local time moves with the clocks', async () => {
  await room({ daily_reset: '02:30', time_zone: 'Europe/Berlin' });
  const resetOf = async (moment: string) => (await at(moment)).reset.at;
  expect(await resetOf('2026-03-28T12:00:00Z')).toBe('2026-03-28T01:30:00.000Z');
  expect(await resetOf('2026-03-29T12:00:00Z')).toBe('2026-03-29T01:00:00.000Z');
  expect(await resetOf('2026-03-30T12:00:00Z')).toBe('2026-03-30T00:30:00.000Z');
});

test('now is after the latest daily reset, though no event came since', async () => {
  const moment = new Date(Date.now() - 90_000).toISOString();
  await room({ daily_reset: moment.slice(11, 16) });
  await send([[Date.now() - 86_400_000, 1]]);
  const answer = await now();
  expect(answer).toMatchObject({ count: 0, reset: { id: null, at: `${moment.slice(0, 16)}:00.000Z` } });
});

test('an event ahead of the clock counts once it is due; at slightly ahead answers as now', async () => {
  await room();
  const dueMs = Date.now() + 3_000;
  await send([
    [Date.now() - 10_000, 1],
    [dueMs, 1],
  ]);
  const early = await at(new Date(dueMs + 60_000).toISOString());
  expect(Date.parse(early.at)).toBeLessThan(dueMs);
  expect(early.count).toBe(1);
  await vi.waitFor(async () => expect((await now()).count).toBe(2), { timeout: 10_000, interval: 50 });
  expect(Date.parse((await now()).at)).toBeGreaterThanOrEqual(dueMs);
});

test('the revision grows with every change of a count, also of a past one', async () => {
  await room();
  await send([['2026-01-02T00:00:00Z', 1]]);
  const first = (await now()).revision;
  await send([['2026-01-01T00:00:00Z', 1]]);
  expect((await now()).revision).toBeGreaterThan(first);
});

test('counts of many: those asked for in their order, or all that were not retired by then', async () => {
  await room();
  await client.post('/v1/spaces', { id: id('B'), parent_id: id('A') });
  await client.post('/v1/doorways', { id: id('Y'), a: id('B'), b: null });
  await send([['2026-01-01T08:00:00Z', 1]]);
  const path = `/v1/spaces/counts?at=2026-01-01T12:00:00Z`;
  const asked = await client.get(`${path}&space_ids=${id('B')},${id('A')}`);
  expect(asked).toMatchObject({
    total: 2,
    next: null,
    results: [
      { space_id: id('B'), count: 0, at: '2026-01-01T12:00:00.000Z' },
      { space_id: id('A'), count: 1 },
    ],
  });
  await client.delete(`/v1/spaces/${id('B')}`);
  const idsOf = async (query: string) => {
    const { results } = await client.get(`/v1/spaces/counts?page_size=5000${query}`);
    return results.map((one: { space_id: string }) => one.space_id);
  };
  expect(await idsOf('')).toContain(id('A'));
  expect(await idsOf('')).not.toContain(id('B'));
  expect(await idsOf('&at=2026-01-01T12:00:00Z')).toContain(id('B'));
  const page = await client.get(`${path}&space_ids=${id('B')},${id('A')}&page_size=1`);
  const rest = await client.get(`${path}&space_ids=${id('B')},${id('A')}&page_size=1&cursor=${page.next}`);
  expect([...page.results, ...rest.results]).toMatchObject([{ space_id: id('B') }, { space_id: id('A') }]);
  expect(rest.next).toBeNull();
});

test('today is from local midnight on', async () => {
  // A zone in which it is about noon, so that no midnight comes in between.
  const hoursAhead = 12 - new Date().getUTCHours();
  await room({ time_zone: hoursAhead === 0 ? 'UTC' : `Etc/GMT${hoursAhead > 0 ? '-' : '+'}${Math.abs(hoursAhead)}` });
  const midnightMs = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 12 * 3_600_000;
  await send([
    [midnightMs - 60_000, 1],
    [midnightMs, 1],
    [midnightMs + 60_000, 1],
    [midnightMs + 120_000, -1],
    [midnightMs + 120_001, -1],
  ]);
  const { results } = await client.get(`/v1/spaces/counts?space_ids=${id('A')}&include=today`);
  expect(results[0]).toMatchObject({ count: 1, today: { entrances: 2, exits: 2, peak: 3 } });
  const { results: then } = await client.get(
    `/v1/spaces/counts?space_ids=${id('A')}&include=today&at=${midnightMs + 60_000}`,
  );
  expect(then[0]).toMatchObject({ count: 3, today: { entrances: 2, exits: 0, peak: 3 } });
});

test('an unchanged answer has an unchanged ETag and needs not be sent again', async () => {
  await room();
  const path = `/v1/spaces/${id('A')}/count?at=2026-01-01T00:00:00Z`;
  const first = await client.call('GET', path);
  expect(first.headers.get('cache-control')).toBe('no-cache');
  const etag = first.headers.get('etag') ?? '';
  expect((await client.call('GET', path, undefined, { 'if-none-match': etag })).status).toBe(304);
  await send([['2025-12-31T00:00:00Z', 1]]);
  expect((await client.call('GET', path, undefined, { 'if-none-match': etag })).status).toBe(200);
});
