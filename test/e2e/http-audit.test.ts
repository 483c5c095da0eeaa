// The audit trail over HTTP: every change with its key and what came of it, nothing that changed nothing, and no secret in it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';

const ADMIN_KEY = 'an-admin-key-for-tests';
const ADMIN = 'FOOTFALL_ADMIN_KEY';

let service: Service;
const ask = (key: string, method: string, path: string, body?: unknown) =>
  httpClient(service.httpUrl).call(method, path, body, { authorization: `Bearer ${key}` });
const trail = async (query = '') => (await ask(ADMIN_KEY, 'GET', `/v1/audit${query}`)).body;
const newest = async () => (await trail('?page_size=1')).results[0];

beforeAll(async () => {
  service = await startService({ environment: { FOOTFALL_ADMIN_KEY: ADMIN_KEY } });
});
afterAll(() => service.stop());

test('keys: making and revoking, with what they may do and without what they are', async () => {
  const made = (await ask(ADMIN_KEY, 'POST', '/v1/keys', { name: 'tenant', scopes: ['manage'] })).body;
  expect(await newest()).toMatchObject({
    by: ADMIN,
    operation: 'POST /v1/keys',
    thing: `/v1/keys/${made.id}`,
    outcome: 'done',
    status: 201,
    facts: null,
    detail: '{"name":"tenant","scopes":["manage"]}',
  });
  await ask(ADMIN_KEY, 'DELETE', `/v1/keys/${made.id}`);
  expect(await newest()).toMatchObject({ operation: 'DELETE /v1/keys/:id', thing: `/v1/keys/${made.id}`, status: 204 });
  expect(JSON.stringify(await trail())).not.toContain(made.key);
});

test('the building: each change with the facts that it recorded', async () => {
  await ask(ADMIN_KEY, 'PUT', '/v1/floorplan', { spaces: [{ id: 'A' }], doorways: [{ id: 'X', a: 'A', b: null }] });
  const { facts, ...entry } = await newest();
  expect(entry).toMatchObject({ operation: 'PUT /v1/floorplan', thing: '/v1/floorplan', outcome: 'done', status: 200 });
  expect(facts.last).toBeGreaterThan(facts.first);
  const reset = (await ask(ADMIN_KEY, 'POST', '/v1/spaces/A/resets', { at: '2026-01-01T00:00:00Z', count: 0 })).body;
  expect(await newest()).toMatchObject({ operation: 'POST /v1/spaces/:id/resets', facts: { first: facts.last + 1 } });
  await ask(ADMIN_KEY, 'POST', `/v1/spaces/A/resets/${reset.id}/revoke`);
  expect((await newest()).thing).toBe(`/v1/spaces/A/resets/${reset.id}/revoke`);
});

test('what was done to the service: secrets, replay, verify, rebuild', async () => {
  await ask(ADMIN_KEY, 'POST', '/v1/dpus', { id: '423' });
  const { secret } = (await ask(ADMIN_KEY, 'POST', '/v1/dpus/423/secret')).body;
  await ask(ADMIN_KEY, 'POST', '/v1/quarantine/replay', { reason: 'clock_in_future' });
  await ask(ADMIN_KEY, 'POST', '/v1/verify');
  await ask(ADMIN_KEY, 'POST', '/v1/rebuild');
  const { results } = await trail('?page_size=4');
  const told = results.map(({ operation, thing, detail }: Record<string, unknown>) => [operation, thing, detail]);
  expect(told).toEqual([
    ['POST /v1/rebuild', '/v1/rebuild', null],
    ['POST /v1/verify', '/v1/verify', null],
    ['POST /v1/quarantine/replay', '/v1/quarantine/replay', '{"reason":"clock_in_future"}'],
    ['POST /v1/dpus/:id/secret', '/v1/dpus/423/secret', null],
  ]);
  expect(JSON.stringify(await trail())).not.toContain(secret);
});

test('a key that tries what it may not is told of; what changes nothing and what has no key is not', async () => {
  const { key, id } = (await ask(ADMIN_KEY, 'POST', '/v1/keys', { scopes: ['read'] })).body;
  await ask(key, 'PUT', '/v1/spaces/B', {});
  const refused = await newest();
  expect(refused).toMatchObject({ by: id, operation: 'PUT /v1/spaces/:id', thing: '/v1/spaces/B', outcome: 'refused' });
  await ask('a-key-that-is-none', 'PUT', '/v1/spaces/B', {});
  await ask(ADMIN_KEY, 'PUT', '/v1/spaces/B', { capacity: 'many' });
  await ask(ADMIN_KEY, 'PATCH', '/v1/spaces/A?dry_run=true', { parent_id: null });
  await ask(ADMIN_KEY, 'POST', '/v1/dpus/423/events', { timestamp: '2026-01-01T08:00:00Z', direction: 1 });
  await ask(key, 'GET', '/v1/spaces');
  expect(await newest()).toEqual(refused);
  expect((await ask(key, 'GET', '/v1/audit')).status).toBe(403);
});

test('a key that tries the same again and again does not fill the trail; another try is told of', async () => {
  const { key, id } = (await ask(ADMIN_KEY, 'POST', '/v1/keys', { scopes: ['read'] })).body;
  for (let index = 0; index < 20; index++) await ask(key, 'PUT', `/v1/spaces/S${index}`, {});
  await ask(key, 'DELETE', '/v1/spaces/A');
  const { results } = await trail(`?key=${id}`);
  const told = results.map(({ operation, thing }: Record<string, unknown>) => [operation, thing]);
  expect(told).toEqual([
    ['DELETE /v1/spaces/:id', '/v1/spaces/A'],
    ['PUT /v1/spaces/:id', '/v1/spaces/S0'],
  ]);
});

test('pages, a key and a span choose', async () => {
  const all = (await trail('?page_size=5000')).results;
  const paged: unknown[] = [];
  for (let next: string | null = ''; next !== null; ) {
    const page = await trail(`?page_size=3${next === '' ? '' : `&cursor=${next}`}`);
    paged.push(...page.results);
    next = page.next;
  }
  expect(paged).toEqual(all);
  const { id } = (await ask(ADMIN_KEY, 'POST', '/v1/keys', { scopes: ['manage'] })).body;
  expect((await trail(`?key=${id}`)).results).toEqual([]);
  const since = (await newest()).at;
  const { results } = await trail(`?key=${ADMIN}&start_time=${since}`);
  expect(results.length).toBeGreaterThanOrEqual(1);
  expect((await trail(`?end_time=${all.at(-1).at}`)).results).toEqual([]);
  const wrong = await ask(ADMIN_KEY, 'GET', '/v1/audit?cursor=bm9uZQ');
  expect([wrong.status, wrong.body.code]).toEqual([400, 'invalid_cursor']);
});

test('it outlives a restart', async () => {
  const before = await trail('?page_size=5000');
  await service.kill('SIGKILL');
  await service.restart();
  expect(await trail('?page_size=5000')).toEqual(before);
});
