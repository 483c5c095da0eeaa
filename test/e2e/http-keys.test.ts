// Keys over HTTP: nobody without one once there is one, each scope does what it says and no more, and revoked is revoked.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';

const ADMIN_KEY = 'an-admin-key-for-tests';
const EVENT = { timestamp: '2026-01-01T08:00:00Z', direction: 1 };
/** The credentials may work on for a second; tests share the machine. */
const SOON = { timeout: 5_000, interval: 50 };

let service: Service;

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const ask = (key: string | null, method: string, path: string, body?: unknown) =>
  httpClient(service.httpUrl).call(method, path, body, key === null ? {} : bearer(key));
const made = async (...scopes: string[]) => (await ask(ADMIN_KEY, 'POST', '/v1/keys', { scopes })).body;

describe('with an admin key', () => {
  beforeAll(async () => {
    service = await startService({ environment: { FOOTFALL_ADMIN_KEY: ADMIN_KEY } });
    await ask(ADMIN_KEY, 'POST', '/v1/dpus', { id: '423' });
  });
  afterAll(() => service.stop());

  test.each([
    ['nothing', {}, 'Bearer realm="footfall"'],
    ['another scheme', { authorization: 'Basic Zm9vOmJhcg==' }, 'Bearer realm="footfall"'],
    ['a made-up key', bearer('ff_000000000000_00000000000000000000000000000000_00000000'), 'error="invalid_token"'],
    ['half the admin key', bearer(ADMIN_KEY.slice(0, -1)), 'error="invalid_token"'],
  ])('%s is 401 and says how to ask', async (_, headers, challenge) => {
    const answer = await httpClient(service.httpUrl).call('GET', '/v1/spaces', undefined, headers);
    expect([answer.status, answer.body.code]).toEqual([401, 'unauthenticated']);
    expect(answer.headers.get('www-authenticate')).toContain(challenge);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  });

  test('who has no key does not get to send a body, not even a wrong one', async () => {
    const answer = await httpClient(service.httpUrl).call('POST', '/v1/spaces', '{', {});
    expect(answer.status).toBe(401);
  });

  test.each(['/healthz', '/readyz', '/openapi.json'])('%s needs none', async (path) => {
    expect((await ask(null, 'GET', path)).status).toBe(200);
  });

  test('what is no route is 404 for everybody', async () => {
    expect((await ask(null, 'GET', '/v1/nothing')).body.code).toBe('route_not_found');
  });

  const ROUTES = [
    ['GET', '/v1/spaces', undefined],
    ['HEAD', '/v1/spaces', undefined],
    ['GET', '/v1/events', undefined],
    ['POST', '/v1/dpus/423/events', EVENT],
    ['PUT', '/v1/spaces/A', {}],
    ['POST', '/v1/quarantine/replay', { reason: 'malformed' }],
    ['POST', '/v1/dpus/423/secret', undefined],
    ['GET', '/v1/keys', undefined],
    ['POST', '/v1/verify', undefined],
  ] as const;
  test.each([
    ['read', 'yyyn nnnnn'],
    ['ingest', 'nnny nnnnn'],
    ['manage', 'yyyn yyynn'],
    ['admin', 'yyyy yyyyy'],
  ])('a key with the scope %s may do %s', async (scope, expected) => {
    const { key } = await made(scope);
    let allowed = '';
    for (const [method, path, body] of ROUTES) {
      const { status } = await ask(key, method, path, body);
      expect([200, 201, 202, 403]).toContain(status);
      allowed += status === 403 ? 'n' : 'y';
    }
    expect(allowed).toBe(expected.replace(' ', ''));
  });

  test('a refusal names the scope that is missing', async () => {
    const { key } = await made('read');
    const answer = await ask(key, 'PUT', '/v1/spaces/A', {});
    expect([answer.status, answer.body.code]).toEqual([403, 'forbidden']);
    expect(answer.headers.get('www-authenticate')).toContain('scope="manage"');
  });

  test('every operation says in the OpenAPI document which scope it needs', async () => {
    const { body } = await ask(null, 'GET', '/openapi.json');
    const operations = Object.entries(body.paths as Record<string, Record<string, { security: object[] }>>).flatMap(
      ([path, methods]) =>
        Object.entries(methods).map(([method, { security }]) => ({ name: `${method} ${path}`, security })),
    );
    const ofScope = (scope: string) =>
      operations.filter(({ security }) => JSON.stringify(security) === JSON.stringify([{ key: [scope] }]));
    const open = operations.filter(({ security }) => security.length === 0).map(({ name }) => name);
    expect(open.toSorted()).toEqual(['get /healthz', 'get /readyz']);
    expect(ofScope('ingest').map(({ name }) => name)).toEqual(['post /v1/dpus/{id}/events']);
    expect(
      ofScope('admin')
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual([
      'delete /v1/keys/{id}',
      'get /v1/audit',
      'get /v1/keys',
      'post /v1/keys',
      'post /v1/rebuild',
      'post /v1/verify',
    ]);
    expect(ofScope('read').every(({ name }) => name.startsWith('get '))).toBe(true);
    // Where counts are sent tells as much as the counts.
    const managed = ofScope('manage').filter(({ name }) => name.startsWith('get '));
    expect(managed.filter(({ name }) => !name.startsWith('get /v1/webhooks'))).toEqual([]);
    expect(body.components.securitySchemes.key.scheme).toBe('bearer');
  });

  test('a key is shown once, listed without itself, and revoked within a second', async () => {
    const answer = await ask(ADMIN_KEY, 'POST', '/v1/keys', { name: 'gate', scopes: ['read', 'read'] });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { key, ...shown } = answer.body;
    expect(shown).toMatchObject({ name: 'gate', scopes: ['read'], expires_at: null, revoked_at: null });
    const list = async () => (await ask(ADMIN_KEY, 'GET', '/v1/keys')).body.results;
    expect(await list()).toContainEqual(shown);
    expect(JSON.stringify(await list())).not.toContain(key);
    expect((await ask(key, 'GET', '/v1/spaces')).status).toBe(200);
    for (let time = 0; time < 2; time++) {
      expect((await ask(ADMIN_KEY, 'DELETE', `/v1/keys/${shown.id}`)).status).toBe(204);
    }
    expect((await ask(key, 'GET', '/v1/spaces')).status).toBe(401);
    expect((await list()).find(({ id }: { id: string }) => id === shown.id).revoked_at).toMatch(/Z$/);
    expect((await ask(ADMIN_KEY, 'DELETE', '/v1/keys/none')).body.code).toBe('key_not_found');
  });

  test('a key expires, and cannot be made expired', async () => {
    const expires_at = Date.now() + 1_500;
    const { body } = await ask(ADMIN_KEY, 'POST', '/v1/keys', { scopes: ['read'], expires_at });
    expect((await ask(body.key, 'GET', '/v1/spaces')).status).toBe(200);
    await vi.waitFor(async () => expect((await ask(body.key, 'GET', '/v1/spaces')).status).toBe(401), SOON);
    const late = await ask(ADMIN_KEY, 'POST', '/v1/keys', { scopes: ['read'], expires_at: 1 });
    expect([late.status, late.body.errors[0].path]).toEqual([400, 'body.expires_at']);
  });

  test('a secret is made for a DPU that is there, and only its hash is kept', async () => {
    const { body, status } = await ask(ADMIN_KEY, 'POST', '/v1/dpus/423/secret');
    expect([status, body.dpu_id]).toEqual([201, '423']);
    expect(body.secret).toMatch(/^ffd_[0-9a-f]{32}$/);
    expect((await ask(ADMIN_KEY, 'POST', '/v1/dpus/none/secret')).body.code).toBe('dpu_not_found');
    expect((await ask(body.secret, 'GET', '/v1/spaces')).status).toBe(401);
  });

  test('keys work after a restart', async () => {
    const { key } = await made('read');
    await service.kill();
    await service.restart();
    expect((await ask(key, 'GET', '/v1/spaces')).status).toBe(200);
    expect((await ask(null, 'GET', '/v1/spaces')).status).toBe(401);
  });
});

test('without any credential it is open, until the first key, which must be one that can make others', async () => {
  await using open = await startService();
  const client = httpClient(open.httpUrl);
  await client.post('/v1/dpus', { id: '1' });
  expect((await client.call('POST', '/v1/dpus/1/secret')).status).toBe(403);
  expect((await client.call('POST', '/v1/keys', { scopes: ['read'] })).body.errors[0].path).toBe('body.scopes');
  const { key, id } = await client.post('/v1/keys', { scopes: ['admin'] });
  expect((await client.call('GET', '/v1/spaces')).status).toBe(401);
  expect((await client.call('GET', '/v1/spaces', undefined, bearer(key))).status).toBe(200);
  // Revoking the last one leaves it closed: another is made on the data directory.
  expect((await client.call('DELETE', `/v1/keys/${id}`, undefined, bearer(key))).status).toBe(204);
  expect((await client.call('GET', '/v1/spaces')).status).toBe(401);
});
