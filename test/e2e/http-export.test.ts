// Exports of events and series: all rows as CSV or JSON lines, equal to what the pages say, at a constant memory.
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, furnish, OUR_EVENTS, THEIRS, withKey } from '../support/confined.ts';
import { type Client, httpClient, untilStored } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';

const EVENTS = 5_500;
const START_MS = Date.parse('2026-03-02T08:00:00Z');
const CSV = { accept: 'text/csv' };
const LINES = { accept: 'application/x-ndjson' };

let service: Service;
let client: Client;

beforeAll(async () => {
  service = await startService();
  client = httpClient(service.httpUrl);
  await client.put('/v1/floorplan', {
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
  // Dense at first, so that a stretch holds many pieces, then sparse; two events in some milliseconds.
  const at = (index: number) => START_MS + (index < 5_000 ? index >> 1 : index * 3_600_000);
  for (let from = 0; from < EVENTS; from += 1_000) {
    const indexes = Array.from({ length: Math.min(1_000, EVENTS - from) }, (_, index) => from + index);
    for (const dpu of [1, 2]) {
      const own = indexes.filter((index) => (index % 3 === 0) === (dpu === 2));
      const events = own.map((seq) => ({ timestamp: at(seq), direction: seq % 2 === 0 ? 1 : -1, seq }));
      await client.post(`/v1/dpus/${dpu}/events`, events.reverse());
    }
  }
  await untilStored(client, EVENTS);
});
afterAll(() => service.stop());

async function paged(path: string): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Awaited<ReturnType<Client['get']>> = await client.get(
      path + (cursor === '' ? '' : `&cursor=${cursor}`),
    );
    found.push(...page.results);
    cursor = page.next;
  }
  return found;
}

const lines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const SERIES = 'start_time=2026-03-02T00:00:00Z&end_time=2026-03-09T00:00:00Z&interval=5m';

test.each([
  '/v1/events?page_size=5000',
  '/v1/events?order=desc',
  '/v1/events?by=received',
  '/v1/events?by=received&order=desc',
  `/v1/events?start_time=${START_MS + 10}&end_time=${START_MS + 2_000}`,
  '/v1/spaces/A/events?order=asc',
  '/v1/spaces/A/events?order=desc',
  '/v1/dpus/2/events?order=asc',
  '/v1/dpus/2/events?by=received&order=desc',
  `/v1/spaces/A/counts?${SERIES}`,
  `/v1/spaces/A/counts?${SERIES}&order=desc`,
])('%s as JSON lines is what its pages hold', async (path) => {
  const answer = await client.call('GET', path, undefined, LINES);
  expect(answer.headers.get('content-type')).toContain('application/x-ndjson');
  expect(answer.headers.get('vary')).toContain('accept');
  const [exported, pages] = [lines(await answer.body), await paged(path)];
  expect(exported.length).toBeGreaterThan(500);
  expect(exported).toEqual(pages);
});

test('as CSV it has a line for each, and the columns that replay takes', async () => {
  const { body, headers } = await client.call('GET', '/v1/events', undefined, CSV);
  expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
  const rows = parse(body, { columns: true, cast: (value) => (value === '' ? null : value) }) as Record<
    string,
    string
  >[];
  const expected = (await paged('/v1/events?page_size=5000')).map((event) =>
    Object.fromEntries(Object.entries(event).map(([name, value]) => [name, value === null ? null : String(value)])),
  );
  expect(rows).toEqual(expected);
  expect(body.slice(0, body.indexOf('\n'))).toBe('timestamp,direction,dpu_id,epoch,seq,received_at,recorded_at,status');
});

test('a series as CSV is flat', async () => {
  const { body } = await client.call('GET', `/v1/spaces/A/counts?${SERIES}`, undefined, CSV);
  const [header, first] = body.split('\n');
  expect(header).toBe('start,end,count,min,max,entrances,exits,events,suppressed');
  expect(first).toBe('2026-03-02T00:00:00.000Z,2026-03-02T00:05:00.000Z,0,0,0,0,0,0,');
  expect(body.trimEnd().split('\n')).toHaveLength(1 + 7 * 288);
});

test.each([
  ['text/html, */*;q=0.8', 'application/json'],
  ['text/csv;q=0.5, application/json', 'application/json'],
  ['application/json;q=0.5, text/csv', 'text/csv'],
  ['image/png', 'application/json'],
])('who accepts %s gets %s', async (accept, type) => {
  const { headers } = await client.call('GET', '/v1/events?page_size=1', undefined, { accept });
  expect(headers.get('content-type')).toContain(type);
});

test('nothing exported is a header, or nothing', async () => {
  const path = '/v1/events?end_time=2001-01-01T00:00:00Z';
  expect((await client.call('GET', path, undefined, CSV)).body).toMatch(/^timestamp,[a-z_,]+\n$/);
  expect((await client.call('GET', path, undefined, LINES)).body).toBe('');
});

test('an export has no cursor, and its errors are problems', async () => {
  const { next } = await client.get('/v1/events?page_size=1');
  expect((await client.call('GET', `/v1/events?cursor=${next}`, undefined, CSV)).body.errors[0].path).toBe(
    'query.cursor',
  );
  expect((await client.call('GET', '/v1/spaces/none/events', undefined, CSV)).body.code).toBe('space_not_found');
});

test('who stops reading stops the reading, and who leaves ends it', async () => {
  const leaving = new AbortController();
  const response = await fetch(`${service.httpUrl}/v1/events`, { headers: LINES, signal: leaving.signal });
  await response.body?.getReader().read();
  leaving.abort();
  expect((await client.call('GET', '/healthz')).status).toBe(200);
});

test('a confined key exports its own part', async () => {
  await using other = await startService({ environment: { FOOTFALL_ADMIN_KEY: ADMIN_KEY } });
  const admin = withKey(httpClient(other.httpUrl), ADMIN_KEY);
  await furnish(admin);
  const { key } = await admin.post('/v1/keys', { scopes: ['read'], root_space_id: 'ours' });
  const confined = withKey(httpClient(other.httpUrl), key);
  for (const path of ['/v1/events', '/v1/events?by=received&order=desc', '/v1/dpus/moved-dpu/events']) {
    const { body } = await confined.call('GET', path, undefined, LINES);
    expect(lines(body)).toHaveLength(path.startsWith('/v1/events') ? OUR_EVENTS : 1);
    expect(body).not.toMatch(THEIRS);
  }
  expect((await confined.call('GET', '/v1/spaces/theirs/events', undefined, CSV)).status).toBe(404);
});
