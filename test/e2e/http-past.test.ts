// The past over HTTP: a move entered late with its dry run, what was known when, and why a number is what it is.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
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
const FRIDAY = '2026-01-02T18:00:00.000Z';

/** Rooms A and B side by side, each with a door to the outside; DPU 1 watches A's. */
async function building(): Promise<void> {
  for (const name of ['A', 'B']) {
    await client.post('/v1/spaces', { id: id(name) });
    await client.post('/v1/doorways', { id: id(`door-${name}`), a: id(name), b: null });
  }
  await client.post('/v1/dpus', { id: id('1') });
  await client.post(`/v1/dpus/${id('1')}/placements`, { doorway_id: id('door-A'), facing: 'a' });
}

async function send(...events: readonly (readonly [at: string, direction: 1 | -1])[]): Promise<void> {
  const path = `/v1/dpus/${id('1')}/events`;
  const before = (await client.get(`${path}?page_size=1`)).total;
  await client.post(
    path,
    events.map(([timestamp, direction]) => ({ timestamp, direction })),
  );
  await untilStored(client, before + events.length, `${path}?page_size=1`);
}

const ask = (space: string, query: string) => client.get(`/v1/spaces/${id(space)}/count?${query}`);
/** A moment of the service's own clock, after everything so far and before everything after it. */
const known = async (): Promise<string> => {
  const { at } = await client.get(`/v1/spaces/${id('A')}/count`);
  await expect.poll(async () => (await client.get(`/v1/spaces/${id('A')}/count`)).at > at).toBe(true);
  return at;
};
const countKnown = async (space: string, at: string, knownAt: string) =>
  (await ask(space, `at=${at}&known_at=${knownAt}`)).count;

test('a count is known as it was before a late event, a move and a reset were recorded', async () => {
  await building();
  const atFirst = await known();
  await send(['2026-01-02T08:00:00Z', 1], ['2026-01-02T09:00:00Z', 1]);
  const beforeLate = await known();
  await send(['2026-01-02T07:00:00Z', -1]);
  const beforeMove = await known();
  await client.post(`/v1/dpus/${id('1')}/placements`, {
    doorway_id: id('door-B'),
    facing: 'a',
    from: '2026-01-02T08:30:00Z',
  });
  const beforeReset = await known();
  const reset = await client.post(`/v1/spaces/${id('A')}/resets`, { at: '2026-01-02T08:15:00Z', count: 5 });
  const beforeRevocation = await known();
  await client.post(`/v1/spaces/${id('A')}/resets/${reset.id}/revoke`);
  const now = await known();
  const a = [atFirst, beforeLate, beforeMove, beforeReset, beforeRevocation, now];
  expect(await Promise.all(a.map((moment) => countKnown('A', FRIDAY, moment)))).toEqual([0, 2, 1, 0, 5, 0]);
  expect(await Promise.all(a.map((moment) => countKnown('B', FRIDAY, moment)))).toEqual([0, 0, 0, 1, 1, 1]);
  expect((await ask('A', `at=${FRIDAY}`)).count).toBe(0);
  await client.post('/v1/rebuild');
  expect(await Promise.all(a.map((moment) => countKnown('A', FRIDAY, moment)))).toEqual([0, 2, 1, 0, 5, 0]);
});

test('the counts of many spaces are known as each by itself is', async () => {
  await building();
  await send(['2026-01-02T08:00:00Z', 1]);
  const before = await known();
  await client.post(`/v1/spaces/${id('B')}/resets`, { at: '2026-01-02T08:15:00Z', count: 5 });
  await send(['2026-01-02T09:00:00Z', 1]);
  const of = `at=${FRIDAY}&space_ids=${id('B')},${id('A')}`;
  const { total, results } = await client.get(`/v1/spaces/counts?${of}&known_at=${before}`);
  expect(total).toBe(2);
  expect(results).toEqual(await Promise.all(['B', 'A'].map((space) => ask(space, `at=${FRIDAY}&known_at=${before}`))));
  expect(results.map(({ count }: { count: number }) => count)).toEqual([0, 1]);
  const now = await client.get(`/v1/spaces/counts?${of}`);
  expect(now.results.map(({ count }: { count: number }) => count)).toEqual([5, 2]);
  for (const query of [`${of}&known_at=2026-01-01T00:00:00Z`, `${of}&known_at=${before}&include=today`]) {
    expect(await client.call('GET', `/v1/spaces/counts?${query}`)).toMatchObject({ status: 400 });
  }
});

test('nobody knew a count before its moment', async () => {
  await building();
  for (const query of [`at=${FRIDAY}&known_at=2026-01-01T00:00:00Z`, `known_at=${FRIDAY}`]) {
    const answer = await client.call('GET', `/v1/spaces/${id('A')}/count?${query}`);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'query.known_at' }] } });
  }
});

test('a dry run tells the differences of a move day by day, and changes nothing', async () => {
  await building();
  await send(['2026-01-01T08:00:00Z', 1], ['2026-01-02T08:00:00Z', 1], ['2026-01-02T09:00:00Z', 1]);
  await send(['2026-01-02T10:00:00Z', -1]);
  const move = { doorway_id: id('door-B'), facing: 'a', from: '2026-01-02T00:00:00Z', until: '2026-01-03T00:00:00Z' };
  const path = `/v1/dpus/${id('1')}/placements`;
  const dry = await client.call('POST', `${path}?dry_run=true`, move);
  expect(dry).toMatchObject({ status: 200, body: { events: 3 } });
  const [a, b] = dry.body.spaces;
  expect(a).toMatchObject({ space_id: id('A'), from: '2026-01-02T08:00:00.000Z' });
  expect(a.days.slice(0, 2)).toEqual([
    { date: '2026-01-02', count_before: 2, count_after: 1, largest_difference: -2 },
    { date: '2026-01-03', count_before: 2, count_after: 1, largest_difference: -1 },
  ]);
  expect(b.days[0]).toEqual({ date: '2026-01-02', count_before: 0, count_after: 1, largest_difference: 2 });
  expect((await client.get(path)).total).toBe(1);
  expect((await ask('A', `at=${FRIDAY}`)).count).toBe(2);
  await client.post(path, move);
  expect((await ask('A', `at=${FRIDAY}`)).count).toBe(1);
  expect((await ask('B', `at=${FRIDAY}`)).count).toBe(1);
});

test('a dry run of a reset and of its revocation', async () => {
  await building();
  await send(['2026-01-02T08:00:00Z', 1]);
  const path = `/v1/spaces/${id('A')}/resets`;
  const reset = { at: '2026-01-02T12:00:00Z', count: 10 };
  const first = { date: '2026-01-02', count_before: 1, count_after: 10, largest_difference: 9 };
  const dry = await client.post(`${path}?dry_run=true`, reset);
  expect(dry).toMatchObject({ events: 0, spaces: [{ space_id: id('A'), from: '2026-01-02T12:00:00.000Z' }] });
  expect(dry.spaces[0].days[0]).toEqual(first);
  const made = await client.post(path, reset);
  const back = await client.post(`${path}/${made.id}/revoke?dry_run=true`);
  expect(back.spaces[0].days[0]).toEqual({ ...first, count_before: 10, count_after: 1, largest_difference: -9 });
  expect((await ask('A', `at=${FRIDAY}`)).count).toBe(10);
});

test('an explanation adds up to the count', async () => {
  await building();
  await client.post(`/v1/spaces/${id('A')}/resets`, { at: '2026-01-02T07:30:00Z', count: 3 });
  await client.post(`/v1/spaces/${id('A')}/resets`, { at: '2026-01-02T07:45:00Z', change: '+2' });
  await send(['2026-01-02T07:00:00Z', 1], ['2026-01-02T08:00:00Z', 1], ['2026-01-02T09:00:00Z', 1]);
  await client.post(`/v1/dpus/${id('1')}/voids`, { from: '2026-01-02T08:30:00Z', until: '2026-01-02T09:30:00Z' });
  const why = await client.get(`/v1/spaces/${id('A')}/count/explain?at=${FRIDAY}`);
  expect(why).toMatchObject({
    count: 6,
    reset: { count: 3 },
    placements: [
      { dpu_id: id('1'), from: null, until: '2026-01-02T08:30:00.000Z' },
      { dpu_id: id('1'), until: null },
    ],
    deltas: { on_time: 0, late: 2, recounted: -1, adjusted: 2 },
  });
  expect(why.events).toMatchObject({ total: 2, voided: 1, unplaced: 0 });
  expect(why.results.map((one: { delta: number; recounted: number }) => [one.delta, one.recounted])).toEqual([
    [1, 0],
    [0, -1],
  ]);
  expect(why.count).toBe((await ask('A', `at=${FRIDAY}`)).count);
});

test('the pages of an explanation are the whole of it, in order', async () => {
  await building();
  const hours = [15, 12, 14, 11, 13];
  await send(...hours.map((hour) => [`2026-01-02T${hour}:00:00Z`, 1] as const));
  const path = `/v1/spaces/${id('A')}/count/explain?at=${FRIDAY}`;
  const pages: { timestamp: string }[][] = [];
  for (let cursor = ''; ; ) {
    const page = await client.get(`${path}&page_size=2${cursor}`);
    expect([page.count, page.events.total]).toEqual([5, 5]);
    pages.push(page.results);
    if (page.next === null) break;
    cursor = `&cursor=${page.next}`;
  }
  expect(pages.map((page) => page.map(({ timestamp }) => timestamp.slice(11, 13)))).toEqual([
    ['11', '12'],
    ['13', '14'],
    ['15'],
  ]);
});

test('an explanation tells how often its events came again, before and after a restart and a rebuild', async () => {
  await building();
  await client.post(`/v1/spaces/${id('A')}/resets`, { at: '2026-01-02T07:30:00Z', count: 3 });
  const path = `/v1/dpus/${id('1')}/events`;
  const [before, first, second] = ['07:00:00Z', '08:00:00Z', '09:00:00Z'].map((time) => ({
    timestamp: `2026-01-02T${time}`,
    direction: 1,
  }));
  // Beside each other, in one message with what is new, and long after; what is before the reset explains nothing of it.
  await client.post(path, [before, before, first, first]);
  await client.post(path, [second, first]);
  await client.post(path, second);
  await untilStored(client, 3, `${path}?page_size=1`);
  const explained = async () => {
    const why = await client.get(`/v1/spaces/${id('A')}/count/explain?at=${FRIDAY}`);
    return [why.count, why.events.total, why.events.duplicates, why.results.map((one: never) => one['duplicates'])];
  };
  await expect.poll(explained).toEqual([5, 2, 3, [2, 1]]);
  expect((await client.get(`/v1/spaces/${id('A')}/count/explain?at=2026-01-02T08:30:00Z`)).events.duplicates).toBe(2);
  await service.kill();
  await service.restart();
  await client.post('/v1/rebuild');
  expect(await explained()).toEqual([5, 2, 3, [2, 1]]);
});

test('a voided event is told of the space that it would have changed, an unplaced one of those its DPU ever changed', async () => {
  await building();
  const placements = `/v1/dpus/${id('1')}/placements`;
  await client.post(placements, { doorway_id: id('door-B'), facing: 'a', from: '2026-01-02T08:30:00Z' });
  await send(['2026-01-02T08:00:00Z', 1], ['2026-01-02T09:00:00Z', 1]);
  await client.post(`/v1/dpus/${id('1')}/voids`, { from: '2026-01-02T07:00:00Z', until: '2026-01-02T08:15:00Z' });
  const why = async (space: string) => (await client.get(`/v1/spaces/${id(space)}/count/explain?at=${FRIDAY}`)).events;
  expect(await why('A')).toMatchObject({ voided: 1, unplaced: 0 });
  expect(await why('B')).toMatchObject({ total: 1, voided: 0, unplaced: 0 });
});

test('every fact names when it was recorded, and by whom', async () => {
  await building();
  const { total, results } = await client.get('/v1/facts?page_size=5000');
  expect(total).toBe(results.length);
  const placed = results.findLast((fact: { change: { kind: string } }) => fact.change.kind === 'placement');
  expect(placed).toMatchObject({ by: null, change: { dpuId: id('1') } });
  expect(Date.parse(placed.recorded_at)).toBeGreaterThan(Date.parse('2026-01-01'));
});

test('the drift of each night, and the reset that removes it', async () => {
  await building();
  await client.patch(`/v1/spaces/${id('A')}`, { time_zone: 'Europe/Berlin', effective_from: '2020-01-01T00:00:00Z' });
  await send(['2026-03-27T10:00:00Z', 1], ['2026-03-28T10:00:00Z', 1], ['2026-03-28T12:00:00Z', 1]);
  const path = `/v1/spaces/${id('A')}/drift?start_time=2026-03-28T00:00:00Z&end_time=2026-03-29T12:00:00Z`;
  const nights = async () => (await client.get(path)).results;
  const before = await nights();
  // The clock goes forward in the second night.
  expect(
    before.map((night: { at: string; count: number; drift: number }) => [night.at, night.count, night.drift]),
  ).toEqual([
    ['2026-03-28T03:00:00.000Z', 1, 1],
    ['2026-03-29T02:00:00.000Z', 3, 2],
  ]);
  await client.post(`/v1/spaces/${id('A')}/resets`, before[0].suggested_reset);
  expect((await nights())[1]).toMatchObject({ count: 2, drift: 2, suggested_reset: { count: 0 } });
});
