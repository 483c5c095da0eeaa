// Small counts are kept from keys that ask for it, or from all that may only read: in counts, series and exports, and
// whatever would tell single crossings is closed to them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, withKey } from '../support/confined.ts';
import { type Client, httpClient, untilStored } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';

const IN = 6;
const SERIES = 'start_time=2026-03-02T09:00:00Z&end_time=2026-03-02T11:00:00Z&interval=1h';
const at = (time: string) => `2026-03-02T${time}Z`;

let service: Service;
let admin: Client;
let reader: Client;
let strict: Client;

beforeAll(async () => {
  service = await startService({ environment: { FOOTFALL_ADMIN_KEY: ADMIN_KEY, FOOTFALL_SUPPRESS_BELOW: '5' } });
  const client = httpClient(service.httpUrl);
  admin = withKey(client, ADMIN_KEY);
  await admin.put('/v1/floorplan', {
    spaces: [{ id: 'A' }, { id: 'B' }],
    doorways: [
      { id: 'X', a: 'A', b: null },
      { id: 'Y', a: 'B', b: null },
    ],
    dpus: [
      { id: '1', placements: [{ doorway_id: 'X', facing: 'a' }] },
      { id: '2', placements: [{ doorway_id: 'Y', facing: 'a' }] },
    ],
  });
  const entering = Array.from({ length: IN }, (_, index) => ({ timestamp: at(`09:1${index}:00`), direction: 1 }));
  await admin.post('/v1/dpus/1/events', entering);
  await untilStored(admin, IN);
  const made = async (body: object) =>
    withKey(client, (await admin.post('/v1/keys', { scopes: ['read'], ...body })).key);
  reader = await made({});
  strict = await made({ suppress_below: 10 });
});
afterAll(() => service.stop());

test.each([
  ['nobody in', '09:00:00', 0, 0],
  ['one', '09:10:00', null, null],
  ['four', '09:13:30', null, null],
  ['five', '09:14:30', 5, null],
  ['six', '09:30:00', IN, null],
])('%s', async (_, time, seen, seenByStrict) => {
  const path = `/v1/spaces/A/count?at=${at(time)}`;
  const [all, some, fewest] = [await admin.get(path), await reader.get(path), await strict.get(path)];
  expect(all).not.toHaveProperty('suppressed');
  expect(all.count).not.toBeNull();
  expect(some).toMatchObject({ count: seen, occupancy: seen, revision: null });
  expect(some.suppressed).toBe(seen === null ? '<5' : undefined);
  expect([fewest.count, fewest.suppressed]).toEqual([seenByStrict, seenByStrict === null ? '<10' : undefined]);
});

test('many counts at once, with what happened today', async () => {
  const { results } = await reader.get(`/v1/spaces/counts?at=${at('09:11:30')}&include=today`);
  const today = { entrances: null, exits: 0, peak: null, suppressed: '<5' };
  expect(results).toMatchObject([
    { space_id: 'A', count: null, suppressed: '<5', today },
    { space_id: 'B', count: 0, today: { entrances: 0, exits: 0, peak: 0 } },
  ]);
});

test('a series, and its exports', async () => {
  const path = `/v1/spaces/A/counts?${SERIES}`;
  const analytics = { min: 0, max: null, entrances: null, exits: 0, events: null, suppressed: '<10' };
  const { results } = await strict.get(path);
  expect(results[0]).toMatchObject({ count: null, suppressed: '<10', interval: { analytics } });
  const { body: csv } = await strict.call('GET', path, undefined, { accept: 'text/csv' });
  expect(csv.split('\n')[1]).toBe(`${results[0].interval.start},${results[0].interval.end},,0,,,0,,<10`);
  const { body: lines } = await strict.call('GET', path, undefined, { accept: 'application/x-ndjson' });
  expect(
    lines
      .split('\n')
      .slice(0, 2)
      .map((line: string) => JSON.parse(line)),
  ).toEqual(results);
});

test('what tells single crossings is closed', async () => {
  const { paths } = await admin.get('/openapi.json');
  const asked = Object.keys(paths as object).filter((path) => 'get' in paths[path] && path.startsWith('/v1/'));
  const open: string[] = [];
  for (const path of asked) {
    const { status } = await reader.call('GET', path.replace('{id}', 'A'));
    if (status !== 403) open.push(path);
  }
  expect(open.toSorted()).toEqual([
    '/v1/doorways',
    '/v1/doorways/{id}',
    '/v1/doorways/{id}/versions',
    '/v1/spaces',
    '/v1/spaces/counts',
    '/v1/spaces/{id}',
    '/v1/spaces/{id}/count',
    '/v1/spaces/{id}/counts',
    '/v1/spaces/{id}/versions',
  ]);
});

test('only a key that may do nothing but read can have it', async () => {
  const { status, body } = await admin.call('POST', '/v1/keys', { scopes: ['read', 'manage'], suppress_below: 5 });
  expect([status, body.errors[0].path]).toEqual([400, 'body.suppress_below']);
  const { key } = await admin.post('/v1/keys', { scopes: ['manage'] });
  const manager = withKey(httpClient(service.httpUrl), key);
  expect(await manager.get(`/v1/spaces/A/count?at=${at('09:10:00')}`)).toMatchObject({ count: 1 });
});
