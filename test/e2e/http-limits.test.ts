// What protects the API from those who use it: limits of requests for each key, headers for browsers, and a record of changes.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, withKey } from '../support/confined.ts';
import { httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';

const PER_S = 2;
const WINDOW_S = 10;

let service: Service;
beforeAll(async () => {
  const environment = {
    FOOTFALL_ADMIN_KEY: ADMIN_KEY,
    FOOTFALL_REQUESTS_PER_S: String(PER_S),
    FOOTFALL_LOG_LEVEL: 'info',
  };
  service = await startService({ environment });
});
afterAll(() => service.stop());

const client = () => httpClient(service.httpUrl);

test('a key that asks too often is told when to come again, and others go on', async () => {
  const admin = withKey(client(), ADMIN_KEY);
  const { key } = await admin.post('/v1/keys', { scopes: ['read'] });
  const greedy = withKey(client(), key);
  for (let time = 0; time < PER_S * WINDOW_S; time++) await greedy.get('/v1/spaces');
  const { status, headers, body } = await greedy.call('GET', '/v1/spaces');
  expect([status, body.code]).toEqual([429, 'rate_limited']);
  const retryAfterS = Number(headers.get('retry-after'));
  expect(retryAfterS).toBeGreaterThan(0);
  expect(retryAfterS).toBeLessThanOrEqual(WINDOW_S);
  expect((await admin.call('GET', '/v1/spaces')).status).toBe(200);
  expect((await client().call('GET', '/healthz')).status).toBe(200);
});

test('who guesses at keys is limited by address, and good keys from there go on', async () => {
  const guess = () => client().call('GET', '/v1/spaces', undefined, { authorization: 'Bearer guessed' });
  const statuses: number[] = [];
  for (let time = 0; time <= PER_S * WINDOW_S; time++) statuses.push((await guess()).status);
  expect([statuses[0], statuses.at(-1)]).toEqual([401, 429]);
  expect((await withKey(client(), ADMIN_KEY).call('GET', '/v1/spaces')).status).toBe(200);
});

test('browsers are told to load nothing from elsewhere, and no other origin may read', async () => {
  const { headers } = await client().call('GET', '/healthz', undefined, { origin: 'https://elsewhere.example' });
  expect(headers.get('content-security-policy')).toContain("default-src 'self'");
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('access-control-allow-origin')).toBeNull();
});

test('who changed what is on record', async () => {
  const admin = withKey(client(), ADMIN_KEY);
  const { id } = await admin.post('/v1/keys', { scopes: ['read'], name: 'short-lived' });
  await admin.delete(`/v1/keys/${id}`);
  const { results } = await admin.get('/v1/keys');
  const by = 'FOOTFALL_ADMIN_KEY';
  expect(results).toContainEqual(expect.objectContaining({ id, created_by: by, revoked_by: by }));
  await admin.post('/v1/spaces', { id: 'A' });
  expect((await admin.get('/v1/facts')).results).toMatchObject([{ by }, { by }]);
  await expect
    .poll(() => service.log())
    .toContain(`"by":"${by}","operation":"DELETE /v1/keys/:id","thing":"/v1/keys/${id}","outcome":"done"`);
});

test('in development there is no limit', async () => {
  await using open = await startService({ environment: { FOOTFALL_REQUESTS_PER_S: '1' } });
  for (let time = 0; time < 3 * WINDOW_S; time++) {
    expect((await fetch(`${open.httpUrl}/v1/spaces`)).status).toBe(200);
  }
});
