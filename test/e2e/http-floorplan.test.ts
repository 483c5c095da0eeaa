// The floor plan over HTTP: things made, changed, dated, retired and listed, and the whole plan as a document.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Client, httpClient, untilStored } from '../support/http.ts';
import { PROJECT_DIR, type Service, startService } from '../support/service.ts';

let service: Service;
let client: Client;
let prefix: string;
let prefixes = 0;
const EMPTY = { spaces: [], doorways: [], dpus: [], resets: [] };

beforeAll(async () => {
  service = await startService();
  client = httpClient(service.httpUrl);
});
afterAll(() => service.stop());
/** Each test has ids of its own, because an id that was retired never comes back. */
beforeEach(() => {
  prefix = `t${++prefixes}`;
});

const id = (name: string): string => `${prefix}-${name}`;
const space = (name: string, fields: object = {}) => client.post('/v1/spaces', { id: id(name), ...fields });

test('POST makes, PUT makes or replaces, PATCH changes, DELETE removes what nothing referred to', async () => {
  const made = await client.call('POST', '/v1/spaces', { id: id('A'), name: 'Lobby', capacity: 20 });
  expect([made.status, made.headers.get('location')]).toEqual([201, `/v1/spaces/${id('A')}`]);
  const standard = { parent_id: null, time_zone: 'UTC', daily_reset: null };
  expect(made.body).toEqual({ id: id('A'), name: 'Lobby', capacity: 20, ...standard });
  expect(await client.patch(`/v1/spaces/${id('A')}`, { name: 'Hall' })).toMatchObject({ name: 'Hall', capacity: 20 });
  const replaced = await client.call('PUT', `/v1/spaces/${id('A')}`, { time_zone: 'Asia/Tokyo' });
  expect([replaced.status, replaced.body]).toMatchObject([
    200,
    { name: id('A'), capacity: null, time_zone: 'Asia/Tokyo' },
  ]);
  expect((await client.call('PUT', `/v1/spaces/${id('B')}`, { id: id('B') })).status).toBe(201);
  expect((await client.call('DELETE', `/v1/spaces/${id('B')}`)).status).toBe(204);
  expect((await client.call('GET', `/v1/spaces/${id('B')}`)).body.code).toBe('space_not_found');
  expect((await client.call('POST', '/v1/spaces', { id: id('B') })).status).toBe(201);
});

test('what was referred to is retired: it answers, is left out of lists, and its id is never given out again', async () => {
  await space('A');
  await client.post('/v1/doorways', { id: id('X'), a: id('A'), b: null });
  await client.delete(`/v1/spaces/${id('A')}`);
  const answer = await client.get(`/v1/spaces/${id('A')}`);
  expect(answer.retired_at).toMatch(/^\d{4}-.*Z$/);
  const idsOf = async (query: string): Promise<string[]> =>
    (await client.get(`/v1/spaces${query}`)).results.map((item: { id: string }) => item.id);
  expect(await idsOf('')).not.toContain(id('A'));
  expect(await idsOf('?include=retired')).toContain(id('A'));
  for (const [method, path] of [['POST', '/v1/spaces'] as const, ['PUT', `/v1/spaces/${id('A')}`] as const]) {
    expect((await client.call(method, path, { id: id('A') })).body.code).toBe('id_retired');
  }
  expect((await client.call('DELETE', `/v1/spaces/${id('A')}`)).status).toBe(204);
  expect(await client.get(`/v1/spaces/${id('A')}/count`)).toMatchObject({ count: 0 });
});

test('a changed parent counts from effective_from, and versions tell the history', async () => {
  await space('A');
  await space('B');
  await space('room', { parent_id: id('A') });
  const path = `/v1/spaces/${id('room')}`;
  const moved = await client.patch(path, { parent_id: id('B'), effective_from: '2026-03-01T01:00:00+01:00' });
  expect(moved).toMatchObject({ parent_id: id('B'), suggested_resets: [] });
  await client.patch(path, { time_zone: 'Europe/Berlin', effective_from: '2026-02-01T00:00:00Z' });
  expect((await client.get(`${path}/versions`)).results).toEqual([
    { from: null, parent_id: id('A'), time_zone: 'UTC', daily_reset: null },
    { from: '2026-02-01T00:00:00.000Z', parent_id: id('A'), time_zone: 'Europe/Berlin', daily_reset: null },
    { from: '2026-03-01T00:00:00.000Z', parent_id: id('B'), time_zone: 'UTC', daily_reset: null },
  ]);
  const cycle = await client.call('PATCH', `/v1/spaces/${id('A')}`, {
    parent_id: id('room'),
    effective_from: '2026-02-15T00:00:00Z',
  });
  expect([cycle.status, cycle.body.code]).toEqual([422, 'space_cycle']);
});

test('a doorway that joins other spaces from a moment in the past recounts from there; who was there stays', async () => {
  for (const name of ['A', 'B', 'hall']) await space(name);
  await client.post('/v1/doorways', { id: id('X'), a: id('A'), b: null });
  await client.post('/v1/dpus', { id: id('1') });
  await client.post(`/v1/dpus/${id('1')}/placements`, { doorway_id: id('X'), facing: 'a' });
  await client.post(
    `/v1/dpus/${id('1')}/events`,
    [1, 2, 3, 4].map((day) => ({ timestamp: `2026-01-0${day}T12:00:00Z`, direction: 1 })),
  );
  await untilStored(client, 4, `/v1/dpus/${id('1')}/events`);
  const countAt = async (name: string, day: number) =>
    (await client.get(`/v1/spaces/${id(name)}/count?at=2026-01-0${day}T23:00:00Z`)).count;
  const changed = await client.patch(`/v1/doorways/${id('X')}`, { a: id('B'), effective_from: '2026-01-03T00:00:00Z' });
  expect(changed).toMatchObject({ id: id('X'), name: id('X'), a: id('B'), b: null, suggested_resets: [] });
  expect(changed.recount).toMatchObject({ status: 'done', events_total: 2, spaces: [id('A'), id('B')] });
  expect([await countAt('A', 2), await countAt('B', 2), await countAt('A', 4), await countAt('B', 4)]).toEqual([
    2, 0, 2, 2,
  ]);
  // A moves into the hall on the second evening: the answer says who would have to be told.
  const moved = await client.patch(`/v1/spaces/${id('A')}`, {
    parent_id: id('hall'),
    effective_from: '2026-01-02T20:00:00Z',
  });
  const suggested = { space_id: id('hall'), at: '2026-01-02T20:00:00.000Z', change: 2 };
  expect(moved.suggested_resets).toEqual([suggested]);
  expect(await countAt('hall', 4)).toBe(0);
  await client.post(`/v1/spaces/${id('hall')}/resets`, { at: suggested.at, change: suggested.change });
  expect(await countAt('hall', 4)).toBe(2);
});

test('placements are kept as entered: the latest beginning holds, a withdrawn one never was', async () => {
  await space('A');
  await space('B');
  await client.post('/v1/doorways', { id: id('X'), a: id('A'), b: null });
  await client.post('/v1/doorways', { id: id('Y'), a: id('B'), b: null });
  await client.post('/v1/dpus', { id: id('1') });
  const path = `/v1/dpus/${id('1')}/placements`;
  const stay = await client.post(path, { doorway_id: id('X'), facing: 'a' });
  expect(stay).toEqual({
    id: expect.any(String),
    dpu_id: id('1'),
    doorway_id: id('X'),
    facing: 'a',
    from: null,
    until: null,
  });
  const days = [1, 2, 3].map((day) => ({ timestamp: `2026-01-0${day}T12:00:00Z`, direction: 1 }));
  await client.post(`/v1/dpus/${id('1')}/events`, days);
  await untilStored(client, 3, `/v1/dpus/${id('1')}/events`);
  const counts = async () => {
    const { results } = await client.get(`/v1/spaces/counts?space_ids=${id('A')},${id('B')}`);
    return results.map((one: { count: number }) => one.count);
  };
  expect(await counts()).toEqual([3, 0]);
  const from = '2026-01-02T00:00:00.000Z';
  const until = '2026-01-03T00:00:00.000Z';
  const { recount, ...loan } = await client.post(path, { doorway_id: id('Y'), facing: 'a', from, until });
  expect(recount).toMatchObject({ status: 'done', events_done: 1, cause: { kind: 'placement', id: loan.id } });
  expect(await counts()).toEqual([2, 1]);
  expect(await client.patch(`${path}/${loan.id}`, { until: null })).toMatchObject({ ...loan, until: null });
  expect(await counts()).toEqual([1, 2]);
  const turned = await client.call('PUT', `${path}/${loan.id}`, { doorway_id: id('Y'), facing: 'b', from });
  expect(turned).toMatchObject({ status: 200, body: { ...loan, facing: 'b', until: null } });
  expect(await counts()).toEqual([1, -2]);
  expect((await client.get(path)).results.map((one: { id: string }) => one.id)).toEqual([stay.id, loan.id]);
  await client.delete(`${path}/${loan.id}`);
  expect(await counts()).toEqual([3, 0]);
  expect((await client.call('GET', `${path}/${loan.id}`)).body.code).toBe('placement_not_found');
  // Events refer to the DPU, so it is retired; its past stays.
  await client.delete(`/v1/dpus/${id('1')}`);
  expect(await client.get(`/v1/dpus/${id('1')}`)).toHaveProperty('retired_at');
  expect(await counts()).toEqual([3, 0]);
});

test('events in a void do not count until it is revoked', async () => {
  await space('A');
  await client.post('/v1/doorways', { id: id('X'), a: id('A'), b: null });
  await client.put(`/v1/dpus/${id('1')}`, {});
  await client.post(`/v1/dpus/${id('1')}/placements`, { doorway_id: id('X'), facing: 'a' });
  const days = [1, 2, 3].map((day) => ({ timestamp: `2026-01-0${day}T12:00:00Z`, direction: 1 }));
  await client.post(`/v1/dpus/${id('1')}/events`, days);
  await untilStored(client, 3, `/v1/dpus/${id('1')}/events`);
  const path = `/v1/dpus/${id('1')}/voids`;
  const { recount, ...entered } = await client.post(path, {
    from: '2026-01-02T00:00:00Z',
    until: '2026-01-03T00:00:00Z',
  });
  expect(recount).toMatchObject({ status: 'done', events_done: 1, cause: { kind: 'void', id: entered.id } });
  expect(entered).toMatchObject({ reason: null, revoked_at: null, recorded_at: expect.stringMatching(/Z$/) });
  const count = async () => (await client.get(`/v1/spaces/${id('A')}/count`)).count;
  expect(await count()).toBe(2);
  const { results } = await client.get(`/v1/dpus/${id('1')}/events?order=desc`);
  expect(results.map((event: { status: string }) => event.status)).toEqual(['counted', 'voided', 'counted']);
  const revoked = await client.post(`${path}/${entered.id}/revoke`);
  expect(revoked).toMatchObject({ ...entered, revoked_at: expect.stringMatching(/Z$/) });
  expect(await client.post(`${path}/${entered.id}/revoke`)).toEqual({ ...entered, revoked_at: revoked.revoked_at });
  expect(await count()).toBe(3);
  expect((await client.get(path)).total).toBe(1);
});

test('lists come in pages, sorted by id, each thing once', async () => {
  const ids = Array.from({ length: 7 }, (_, index) => id(`s${index}`));
  for (const each of ids.toReversed()) await client.post('/v1/spaces', { id: each });
  const seen: string[] = [];
  for (let next: string | null = ''; next !== null; ) {
    const page: { next: string | null; results: { id: string }[] } = await client.get(
      `/v1/spaces?page_size=3${next === '' ? '' : `&cursor=${next}`}`,
    );
    expect(page.results.length).toBeLessThanOrEqual(3);
    seen.push(...page.results.map((item) => item.id));
    next = page.next;
  }
  expect(seen).toEqual(seen.toSorted());
  expect(seen.filter((each) => ids.includes(each))).toEqual(ids);
  expect((await client.call('GET', `/v1/doorways?cursor=${await firstCursor()}`)).body.code).toBe('invalid_cursor');
});

const firstCursor = async (): Promise<string> => (await client.get('/v1/spaces?page_size=1')).next;

test('a document is taken in one go or not at all', async () => {
  await client.put('/v1/floorplan', { ...EMPTY, spaces: [{ id: id('A') }] });
  const before = await client.get('/v1/floorplan');
  const refused = await client.call('PUT', '/v1/floorplan', {
    spaces: [{ id: id('new') }, { id: id('A'), parent_id: id('none') }],
    doorways: [{ id: id('X'), a: id('new'), b: id('neither') }],
  });
  expect([refused.status, refused.body.code]).toEqual([422, 'invalid_floorplan']);
  expect(refused.body.errors.map((fault: { path: string }) => fault.path)).toEqual([
    'body.spaces.1.parent_id',
    'body.doorways.0.b',
  ]);
  expect(await client.get('/v1/floorplan')).toEqual(before);
});

test('a document larger than other bodies is taken', async () => {
  const spaces = Array.from({ length: 2_000 }, (_, index) => ({ id: id(`s${index}`), name: 'x'.repeat(100) }));
  expect(await client.put('/v1/floorplan', { spaces })).toMatchObject({ spaces: 2_000 });
  expect((await client.get('/v1/spaces?page_size=5000')).total).toBe(2_000);
});

test('an exported plan in an empty store gives the same plan and the same counts for the same events', async () => {
  await client.put('/v1/floorplan', {
    spaces: [{ id: id('A'), daily_reset: '04:00' }, { id: id('B'), parent_id: id('A') }, { id: id('C') }],
    doorways: [
      { id: id('X'), a: id('A'), b: null },
      { id: id('Y'), a: id('B'), b: id('C') },
    ],
    dpus: [
      { id: id('1'), placements: [{ doorway_id: id('X'), facing: 'a' }] },
      {
        id: id('2'),
        placements: [{ doorway_id: id('Y'), facing: 'b' }],
        voids: [{ from: '2026-01-02T00:00:00Z', until: '2026-01-03T00:00:00Z' }],
      },
    ],
    resets: [{ space_id: id('C'), at: '2026-01-02T12:00:00Z', change: '+3' }],
  });
  await client.patch(`/v1/spaces/${id('B')}`, { parent_id: id('C'), effective_from: '2026-01-03T06:00:00Z' });
  await client.post(`/v1/spaces/${id('A')}/resets`, { at: '2026-01-03T00:00:00Z', count: 5, reason: 'by hand' });
  await client.delete(`/v1/doorways/${id('X')}`);
  const exported = await client.get('/v1/floorplan');
  await using other = await startService();
  const twin = httpClient(other.httpUrl);
  await twin.put('/v1/floorplan', exported);
  expect(await twin.get('/v1/floorplan')).toEqual(exported);
  expect(await twin.put('/v1/floorplan', exported)).toMatchObject({ changes: 0 });
  for (const each of [client, twin]) {
    for (const [dpu, direction] of [['1', 1] as const, ['2', -1] as const]) {
      const hours = Array.from({ length: 60 }, (_, index) => Date.UTC(2026, 0, 2) + index * 3_600_000);
      await each.post(
        `/v1/dpus/${id(dpu)}/events`,
        hours.map((timestamp) => ({ timestamp, direction })),
      );
      await untilStored(each, 60, `/v1/dpus/${id(dpu)}/events`);
    }
  }
  for (const at of ['2026-01-02T13:00:00Z', '2026-01-03T01:00:00Z', '2026-01-03T05:00:00Z', '2026-01-05T00:00:00Z']) {
    const path = `/v1/spaces/counts?at=${at}&space_ids=${['A', 'B', 'C'].map(id)}`;
    // When the DPUs were heard is each service's own.
    const countsOf = async (from: Client) =>
      (await from.get(path)).results.map(
        ({ revision: _, watermark: __, ...count }: { revision: number; watermark: string }) => count,
      );
    expect(await countsOf(twin)).toEqual(await countsOf(client));
  }
});

const SAMPLE = join(PROJECT_DIR, 'test', 'data', 'floorplan.json');
test.skipIf(!existsSync(SAMPLE))('the sample floor plan is taken as it is, and again changes nothing', async () => {
  const document = JSON.parse(readFileSync(SAMPLE, 'utf8'));
  expect((await client.put('/v1/floorplan', document)).changes).toBeGreaterThan(0);
  expect((await client.put('/v1/floorplan', document)).changes).toBe(0);
  expect((await client.get('/v1/dpus/283/placements')).results).toMatchObject([
    { doorway_id: 'X', facing: 'a', from: '2018-01-01T00:00:00.000Z', until: null },
  ]);
});

test('after all this every number agrees', async () => {
  expect(await client.post('/v1/verify')).toMatchObject({ equal: true, discrepancies: [] });
});
