// Every bad request gets its code, as a problem of RFC 9457, and the service goes on.
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROBLEMS, type ProblemCode } from '../../api/problem.ts';
import { type Client, httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';

let service: Service;
let client: Client;

beforeAll(async () => {
  service = await startService();
  client = httpClient(service.httpUrl);
  await client.put('/v1/floorplan', {
    spaces: [{ id: 'A' }, { id: 'B', parent_id: 'A' }, { id: 'old' }],
    doorways: [
      { id: 'X', a: 'A', b: null },
      { id: 'O', a: 'old', b: null },
    ],
    dpus: [{ id: '1', placements: [{ id: 'p1', doorway_id: 'X', facing: 'a' }] }, { id: '2' }],
  });
  await client.delete('/v1/spaces/old');
});
afterAll(() => service.stop());

type Row = readonly [request: string, body: unknown, code: ProblemCode, path?: string];
const LONG_ID = 'x'.repeat(65);
const SERIES = '/v1/spaces/A/counts?start_time=2026-01-01T00:00:00Z&end_time=2026-01-02T00:00:00Z&interval=1h';

const REQUESTS: readonly Row[] = [
  ['GET /v2/spaces', undefined, 'route_not_found'],
  ['PATCH /v1/spaces', {}, 'route_not_found'],
  ['GET /v1/spaces/a.b', undefined, 'invalid_request', 'path.id'],
  [`GET /v1/spaces/${LONG_ID}`, undefined, 'invalid_request', 'path.id'],
  [`GET /v1/spaces/${'x'.repeat(5000)}`, undefined, 'invalid_request', 'path.id'],
  ['GET /v1/spaces/none', undefined, 'space_not_found'],
  ['GET /v1/spaces?sort=id', undefined, 'invalid_request', 'query.sort'],
  ['GET /v1/spaces?page_size=0', undefined, 'invalid_request', 'query.page_size'],
  ['GET /v1/spaces?page_size=5001', undefined, 'invalid_request', 'query.page_size'],
  ['GET /v1/spaces?page_size=1&page_size=2', undefined, 'invalid_request', 'query.page_size'],
  ['GET /v1/spaces?cursor=abc', undefined, 'invalid_cursor', 'query.cursor'],
  ['GET /v1/spaces/none/versions', undefined, 'space_not_found'],
  ['GET /healthz?verbose=1', undefined, 'invalid_request', 'query.verbose'],

  ['POST /v1/spaces', undefined, 'invalid_request', 'body'],
  ['POST /v1/spaces', '{"id":', 'invalid_json'],
  ['POST /v1/spaces', '[]', 'invalid_request', 'body'],
  ['POST /v1/spaces', {}, 'invalid_request', 'body.id'],
  ['POST /v1/spaces', { id: 'ü' }, 'invalid_request', 'body.id'],
  ['POST /v1/spaces', { id: 'C', colour: 'red' }, 'invalid_request', 'body.colour'],
  ['POST /v1/spaces', { id: 'C', time_zone: 'Mars/Olympus' }, 'invalid_request', 'body.time_zone'],
  ['POST /v1/spaces', { id: 'C', time_zone: '2018-01-01T00:00[UTC]' }, 'invalid_request', 'body.time_zone'],
  ['POST /v1/spaces', { id: 'C', daily_reset: '24:00' }, 'invalid_request', 'body.daily_reset'],
  ['POST /v1/spaces', { id: 'C', capacity: -1 }, 'invalid_request', 'body.capacity'],
  ['POST /v1/spaces', { id: 'C', parent_id: 'none' }, 'space_not_found', 'body.parent_id'],
  ['POST /v1/spaces', { id: 'C', parent_id: 'old' }, 'id_retired', 'body.parent_id'],
  ['POST /v1/spaces', { id: 'A' }, 'already_exists'],
  ['POST /v1/spaces', { id: 'old' }, 'id_retired'],
  ['POST /v1/spaces', { id: 'x'.repeat(70_000) }, 'payload_too_large'],
  ['PUT /v1/spaces/old', {}, 'id_retired'],
  ['PUT /v1/spaces/A', { id: 'B' }, 'invalid_request', 'body.id'],
  ['PATCH /v1/spaces/old', { name: 'new' }, 'id_retired'],
  ['PATCH /v1/spaces/none', {}, 'space_not_found'],
  ['PATCH /v1/spaces/A', { parent_id: 'B' }, 'space_cycle', 'body.parent_id'],
  ['PATCH /v1/spaces/A', { parent_id: 'A' }, 'space_cycle', 'body.parent_id'],
  ['PATCH /v1/spaces/A', { name: 'A', effective_from: 'yesterday' }, 'invalid_request', 'body.effective_from'],
  ['PATCH /v1/spaces/A', { effective_from: 1.5 }, 'invalid_request', 'body.effective_from'],
  ['PATCH /v1/spaces/A', { effective_from: 8.64e15 }, 'invalid_request', 'body.effective_from'],
  ['DELETE /v1/spaces/none', undefined, 'space_not_found'],
  ['DELETE /v1/spaces/A', { force: true }, 'invalid_request', 'body.force'],

  ['POST /v1/doorways', { id: 'Y', a: 'A' }, 'invalid_request', 'body.b'],
  ['POST /v1/doorways', { id: 'Y', a: null, b: null }, 'invalid_request', 'body.b'],
  ['POST /v1/doorways', { id: 'Y', a: 'A', b: 'A' }, 'invalid_request', 'body.b'],
  ['POST /v1/doorways', { id: 'Y', a: 'A', b: 'none' }, 'space_not_found', 'body.b'],
  ['POST /v1/doorways', { id: 'X', a: 'A', b: null }, 'already_exists'],
  ['PATCH /v1/doorways/X', { a: null }, 'invalid_request', 'body.b'],
  ['GET /v1/doorways/none', undefined, 'doorway_not_found'],

  ['POST /v1/dpus', { id: '1' }, 'already_exists'],
  ['POST /v1/dpus', { id: 3 }, 'invalid_request', 'body.id'],
  ['GET /v1/dpus/none', undefined, 'dpu_not_found'],
  ['GET /v1/dpus/none/placements', undefined, 'dpu_not_found'],
  ['GET /v1/dpus/1/placements/none', undefined, 'placement_not_found'],
  ['GET /v1/dpus/2/placements/p1', undefined, 'placement_not_found'],
  ['PUT /v1/dpus/2/placements/p1', { doorway_id: 'X', facing: 'a' }, 'already_exists'],
  ['PUT /v1/dpus/1/placements/p1', { dpu_id: '2', doorway_id: 'X', facing: 'a' }, 'invalid_request', 'body.dpu_id'],
  ['POST /v1/dpus/1/placements', { doorway_id: 'none', facing: 'a' }, 'doorway_not_found', 'body.doorway_id'],
  ['POST /v1/dpus/1/placements', { doorway_id: 'X', facing: 'c' }, 'invalid_request', 'body.facing'],
  ['POST /v1/dpus/1/placements', { id: 'p', doorway_id: 'X', facing: 'a' }, 'invalid_request', 'body.id'],
  ['POST /v1/dpus/1/placements', { doorway_id: 'X', facing: 'a', from: 9, until: 8 }, 'invalid_request', 'body.until'],
  ['DELETE /v1/dpus/1/placements/none', undefined, 'placement_not_found'],
  ['POST /v1/dpus/1/voids', { from: 5 }, 'invalid_request', 'body.until'],
  ['POST /v1/dpus/1/voids', { from: 5, until: 5 }, 'invalid_request', 'body.until'],
  ['POST /v1/dpus/1/voids/none/revoke', undefined, 'void_not_found'],
  ['POST /v1/dpus/1/voids/none/revoke', { now: true }, 'invalid_request', 'body.now'],

  ['POST /v1/spaces/A/resets', {}, 'invalid_request', 'body.count'],
  ['POST /v1/spaces/A/resets', { count: 1, change: 1 }, 'invalid_request', 'body.count'],
  ['POST /v1/spaces/A/resets', { count: 1.5 }, 'invalid_request', 'body.count'],
  ['POST /v1/spaces/A/resets', { change: 'three' }, 'invalid_request', 'body.change'],
  ['POST /v1/spaces/A/resets', { count: 1, at: '2100-01-01T00:00:00Z' }, 'at_in_future', 'body.at'],
  ['POST /v1/spaces/old/resets', { count: 1 }, 'id_retired'],
  ['GET /v1/spaces/A/resets/none', undefined, 'reset_not_found'],
  ['POST /v1/spaces/A/resets/none/revoke', undefined, 'reset_not_found'],

  ['PUT /v1/floorplan', { spaces: [{ id: 'A', name: '' }] }, 'invalid_request', 'body.spaces.0.name'],
  ['PUT /v1/floorplan', { rooms: [] }, 'invalid_request', 'body.rooms'],
  ['PUT /v1/floorplan', { spaces: [{ id: 'A', parent_id: 'none' }] }, 'invalid_floorplan', 'body.spaces.0.parent_id'],
  ['PUT /v1/floorplan?effective_from=now', {}, 'invalid_request', 'query.effective_from'],

  ['GET /v1/spaces/none/count', undefined, 'space_not_found'],
  ['GET /v1/spaces/A/count?at=2026-02-30T00:00:00Z', undefined, 'invalid_request', 'query.at'],
  ['GET /v1/spaces/A/count?at=2026-02-01T00:00:00', undefined, 'invalid_request', 'query.at'],
  ['GET /v1/spaces/A/count?at=2026-02-01T00:00:00+01:00', undefined, 'invalid_request', 'query.at'],
  ['GET /v1/spaces/A/count?at=2100-01-01T00:00:00Z', undefined, 'at_in_future', 'query.at'],
  ['GET /v1/spaces/A/count?when=now', undefined, 'invalid_request', 'query.when'],
  ['GET /v1/spaces/counts?space_ids=A,none', undefined, 'space_not_found', 'query.space_ids'],
  ['GET /v1/spaces/counts?space_ids=A,,B', undefined, 'invalid_request', 'query.space_ids'],
  ['GET /v1/spaces/counts?include=all', undefined, 'invalid_request', 'query.include'],
  ['GET /v1/spaces/A/counts', undefined, 'invalid_request', 'query.start_time'],
  [`GET ${SERIES.replace('1h', '2h')}`, undefined, 'invalid_request', 'query.interval'],
  [`GET ${SERIES.replace('2026-01-02', '2026-01-01')}`, undefined, 'invalid_request', 'query.end_time'],
  [`GET ${SERIES.replace('2026-01-01', '1900-01-01')}`, undefined, 'invalid_request', 'query.interval'],
  [`GET ${SERIES}&order=up`, undefined, 'invalid_request', 'query.order'],
  [`GET ${SERIES}&cursor=abc`, undefined, 'invalid_cursor', 'query.cursor'],

  ['GET /v1/spaces/none/events', undefined, 'space_not_found'],
  ['GET /v1/dpus/none/events', undefined, 'dpu_not_found'],
  ['GET /v1/events?by=length', undefined, 'invalid_request', 'query.by'],
  ['GET /v1/events?start_time=5&end_time=5', undefined, 'invalid_request', 'query.end_time'],
  ['GET /v1/events?cursor=MX4y', undefined, 'invalid_cursor', 'query.cursor'],
  ['POST /v1/dpus/a.b/events', [], 'invalid_request', 'path.id'],
  ['POST /v1/dpus/1/events?sync=1', [], 'invalid_request', 'query.sync'],
  ['POST /v1/dpus/1/events', '{"timestamp":', 'invalid_json'],
  ['POST /v1/dpus/1/events', '', 'invalid_json'],
  ['POST /v1/dpus/1/events', undefined, 'invalid_json'],
  ['POST /v1/dpus/1/events', `"${'x'.repeat(1024 * 1024)}"`, 'payload_too_large'],
  ['GET /v1/quarantine?reason=bored', undefined, 'invalid_request', 'query.reason'],
  ['GET /v1/quarantine?cursor=1', undefined, 'invalid_cursor', 'query.cursor'],
  ['POST /v1/quarantine/replay', {}, 'invalid_request', 'body'],
  ['POST /v1/quarantine/replay', { ids: [] }, 'invalid_request', 'body.ids'],
];

/** What is long is cut in the name of the test. */
const named = REQUESTS.map((row): [string, ...Row] => {
  const [request, body, code] = row;
  return [`${request.slice(0, 90)} ${JSON.stringify(body)?.slice(0, 80) ?? ''}: ${code}`, ...row];
});

test.each(named)('%s', async (_, request, body, code, path) => {
  const [method = '', url = ''] = request.split(' ');
  const answer = await client.call(method, url, body);
  const { status, title } = PROBLEMS[code];
  expect(answer.body).toMatchObject({ type: `urn:footfall:problem:${code}`, status, title, code });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.headers.get('etag')).not.toBeNull();
  if (path !== undefined) expect(answer.body.errors.map((fault: { path: string }) => fault.path)).toContain(path);
});

test('a body that is not declared as JSON is refused', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonish']) {
    const answer = await client.call('POST', '/v1/spaces', '{"id":"C"}', { 'content-type': type });
    expect(answer.body.code).toBe('unsupported_media_type');
  }
});

test('every fault of a body is listed, not only the first', async () => {
  const { body } = await client.call('POST', '/v1/spaces', { id: 'a b', time_zone: 'X', colour: 1 });
  expect(body.errors.map((fault: { path: string }) => fault.path).toSorted()).toEqual([
    'body.colour',
    'body.id',
    'body.time_zone',
  ]);
});

test('an address that cannot be read gets a problem too', async () => {
  const answer = await client.call('GET', '/v1/spaces/%zz');
  expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
});

test('a + that was not escaped is said to be that', async () => {
  const { body } = await client.call('GET', '/v1/spaces/A/count?at=2018-01-01T00:00:00+01:00');
  expect(body.detail).toContain('%2B');
  expect((await client.call('GET', '/v1/spaces/A/count?at=2018-01-01T00:00:00%2B01:00')).status).toBe(200);
});

test('bytes that are no HTTP get a problem too', async () => {
  const socket = connect(service.httpPort, '127.0.0.1');
  socket.write('GARBAGE\r\n\r\n');
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*application\/problem\+json[\s\S]*"code":"invalid_request"/);
});

test('nothing of all this changed anything or was worth an error in the log', async () => {
  expect((await client.get('/v1/spaces')).results.map((space: { id: string }) => space.id)).toEqual(['A', 'B']);
  expect((await client.get('/v1/events')).total).toBe(0);
  expect((await client.get('/v1/quarantine')).total).toBe(0);
  expect(service.log()).not.toMatch(/"level":50/);
  expect((await client.call('GET', '/readyz')).status).toBe(200);
});
