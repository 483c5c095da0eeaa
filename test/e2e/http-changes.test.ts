// The change feed and recounts over HTTP: whoever applies every change once holds every count, and knows why it moved.
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
const NINE = '2026-01-02T09:00:00.000Z';
const TEN = '2026-01-02T10:00:00.000Z';
const NOON = '2026-01-02T12:00:00.000Z';

type Change = {
  space_id: string;
  from: string;
  until: string | null;
  change: number;
  cause: { kind: string; id: string | null };
  recorded_at: string;
};

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

/** Every change of A and B since `since`, page by page, and where to go on. */
async function changesSince(since?: string): Promise<{ changes: Change[]; next: string }> {
  const changes: Change[] = [];
  for (let place = since; ; ) {
    const query = place === undefined ? '' : `&since=${place}`;
    const page = await client.get(`/v1/changes?space_ids=${id('A')},${id('B')}&page_size=3${query}`);
    changes.push(...page.results);
    if (page.next === place) return { changes, next: page.next };
    place = page.next;
  }
}

const heldCount = (changes: readonly Change[], space: string, at: string): number =>
  changes
    .filter((each) => each.space_id === id(space) && each.from <= at && (each.until === null || at < each.until))
    .reduce((sum, { change }) => sum + change, 0);

const countAt = async (space: string, at: string): Promise<number> =>
  (await client.get(`/v1/spaces/${id(space)}/count?at=${at}`)).count;

test('a reader that starts empty and applies every change holds every count, and is told why each moved', async () => {
  await building();
  await send([NINE, 1], ['2026-01-02T09:30:00.000Z', 1]);
  const first = await changesSince();
  expect(first.changes).toMatchObject([
    { space_id: id('A'), from: NINE, until: null, change: 1, cause: { kind: 'late_event', id: id('1') } },
    { space_id: id('A'), change: 1 },
  ]);
  const reset = await client.post(`/v1/spaces/${id('A')}/resets`, { at: TEN, count: 5 });
  await send(['2026-01-02T09:45:00.000Z', -1]);
  const move = { doorway_id: id('door-B'), facing: 'a', from: '2026-01-02T09:15:00Z' };
  const placed = await client.post(`/v1/dpus/${id('1')}/placements`, move);
  const voided = await client.post(`/v1/dpus/${id('1')}/voids`, { from: NINE, until: '2026-01-02T09:01:00Z' });
  const then = await changesSince(first.next);
  expect(then.changes.map(({ space_id, until, change, cause }) => ({ space_id, until, change, cause }))).toEqual([
    { space_id: id('A'), until: null, change: 3, cause: { kind: 'reset', id: reset.id } },
    { space_id: id('A'), until: TEN, change: -1, cause: { kind: 'late_event', id: id('1') } },
    ...[-1, 1].flatMap((sign) => [
      { space_id: id('A'), until: TEN, change: sign, cause: { kind: 'recount', id: placed.recount.id } },
      { space_id: id('B'), until: null, change: -sign, cause: { kind: 'recount', id: placed.recount.id } },
    ]),
    { space_id: id('A'), until: TEN, change: -1, cause: { kind: 'void', id: voided.id } },
  ]);
  const all = [...first.changes, ...then.changes];
  for (const space of ['A', 'B']) {
    for (const at of [NINE, '2026-01-02T09:20:00.000Z', '2026-01-02T09:50:00.000Z', TEN, NOON]) {
      expect({ space, at, held: heldCount(all, space, at) }).toEqual({ space, at, held: await countAt(space, at) });
    }
  }
});

test('an event at the very instant of a reset counts before it, and changes nothing', async () => {
  await building();
  await client.post(`/v1/spaces/${id('A')}/resets`, { at: NINE, count: 2 });
  const { next } = await changesSince();
  await send([NINE, 1]);
  expect((await changesSince(next)).changes).toEqual([]);
  expect(await countAt('A', NINE)).toBe(2);
});

test('a move into the past answers with its recount, which can be followed', async () => {
  await building();
  await send([NINE, 1], [TEN, 1], [NOON, 1]);
  const placed = await client.post(`/v1/dpus/${id('1')}/placements`, {
    doorway_id: id('door-B'),
    facing: 'a',
    from: TEN,
  });
  const recount = {
    status: 'done',
    events_total: 2,
    events_done: 2,
    spaces: [id('A'), id('B')],
    cause: { kind: 'placement', id: placed.id },
  };
  expect(placed.recount).toMatchObject(recount);
  expect(await client.get(`/v1/recounts/${placed.recount.id}`)).toMatchObject(recount);
  const listed = await client.get('/v1/recounts?status=done');
  expect(listed.results.map((each: { id: string }) => each.id)).toContain(placed.recount.id);
  expect((await client.get('/v1/recounts?status=running')).total).toBe(0);
  const withdrawn = await client.call('DELETE', `/v1/dpus/${id('1')}/placements/${placed.id}`);
  expect(withdrawn.status).toBe(204);
  const location = String(withdrawn.headers.get('location'));
  expect(await client.get(location)).toMatchObject({ ...recount, cause: { kind: 'placement_withdrawn' } });
  expect(await countAt('A', NOON)).toBe(3);
});

test('what touches no stored event has no recount', async () => {
  await building();
  await send([NINE, 1]);
  const placed = await client.post(`/v1/dpus/${id('1')}/placements`, {
    doorway_id: id('door-B'),
    facing: 'a',
    from: TEN,
  });
  expect(placed).not.toHaveProperty('recount');
  const asked = await client.call('GET', '/v1/recounts/999999');
  expect([asked.status, asked.body.code]).toEqual([404, 'recount_not_found']);
});

test('a place that is none is refused', async () => {
  for (const since of ['x', '999999999999', '-1']) {
    const asked = await client.call('GET', `/v1/changes?since=${since}`);
    expect([since, asked.status, asked.body.code]).toEqual([since, 400, 'invalid_cursor']);
  }
});
