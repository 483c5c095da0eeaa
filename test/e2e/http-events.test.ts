// Events over HTTP: sent, stored once, listed; what cannot be counted, its quarantine and its replay; and operations.
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
const eventsPath = (name: string): string => `/v1/dpus/${id(name)}/events`;
const ACCEPTED = { status: 'accepted', reason: null };

async function door(...dpus: string[]): Promise<void> {
  await client.post('/v1/spaces', { id: id('A') });
  await client.post('/v1/doorways', { id: id('X'), a: id('A'), b: null });
  for (const dpu of dpus) {
    await client.post('/v1/dpus', { id: id(dpu) });
    await client.post(`/v1/dpus/${id(dpu)}/placements`, { doorway_id: id('X'), facing: 'a' });
  }
}

const quarantineOf = async (dpu: string, rest = '') => client.get(`/v1/quarantine?dpu_id=${id(dpu)}${rest}`);

async function untilQuarantined(dpu: string, items: number): Promise<void> {
  await vi.waitFor(async () => expect((await quarantineOf(dpu)).total).toBe(items), { timeout: 10_000, interval: 20 });
}

test('one event or an array is answered once it is stored, each with what became of it', async () => {
  await door('1');
  const one = await client.call('POST', eventsPath('1'), { timestamp: '2026-01-01T08:00:00Z', direction: 1 });
  expect([one.status, one.body]).toEqual([202, { accepted: 1, results: [ACCEPTED] }]);
  const many = await client.post(eventsPath('1'), [
    { timestamp: '2026-01-01T08:00:01.5Z', direction: -1, epoch: 2, seq: 7, firmware: '1.2' },
    { timestamp: 1_767_254_402_000, direction: 1, epoch: null },
  ]);
  expect(many).toEqual({ accepted: 2, results: [ACCEPTED, ACCEPTED] });
  expect(await client.post(eventsPath('1'), [])).toEqual({ accepted: 0, results: [] });
  await untilStored(client, 3, eventsPath('1'));
  const { results } = await client.get(eventsPath('1'));
  const stored = { received_at: expect.stringMatching(/Z$/), recorded_at: expect.stringMatching(/Z$/) };
  const event = { dpu_id: id('1'), epoch: null, seq: null, status: 'counted', ...stored };
  expect(results).toEqual([
    { ...event, timestamp: '2026-01-01T08:00:00.000Z', direction: 1 },
    { ...event, timestamp: '2026-01-01T08:00:01.500Z', direction: -1, epoch: 2, seq: 7 },
    { ...event, timestamp: '2026-01-01T08:00:02.000Z', direction: 1 },
  ]);
});

test('the same identity again is stored and counted once', async () => {
  await door('1');
  const event = { timestamp: '2026-01-01T08:00:00Z', direction: 1, seq: 1 };
  await client.post(eventsPath('1'), [event, event, { ...event, seq: 2 }]);
  await client.post(eventsPath('1'), event);
  await client.post(eventsPath('1'), { ...event, direction: -1 });
  await untilStored(client, 3, eventsPath('1'));
  expect((await client.get(`/v1/spaces/${id('A')}/count`)).count).toBe(1);
});

test('what cannot be counted is accepted into quarantine with its bytes and the reason', async () => {
  await door('1');
  const soon = new Date(Date.now() + 3_600_000).toISOString();
  const rows = [
    { body: { timestamp: '2026-01-01T08:00:00Z' }, reason: 'malformed' },
    { body: { timestamp: '2026-01-01', direction: 1 }, reason: 'malformed' },
    { body: { timestamp: '2026-01-01T08:00:00Z', direction: 2 }, reason: 'malformed' },
    { body: { timestamp: '2026-01-01T08:00:00Z', direction: 1, seq: -1 }, reason: 'malformed' },
    { body: 'a string', reason: 'malformed' },
    { body: null, reason: 'malformed' },
    { body: Array.from({ length: 1001 }, () => ({ timestamp: 0, direction: 1 })), reason: 'malformed' },
    { body: { timestamp: '1999-12-31T23:59:59Z', direction: 1 }, reason: 'too_old' },
    { body: { timestamp: soon, direction: 1 }, reason: 'clock_in_future' },
  ];
  for (const { body, reason } of rows) {
    const answer = await client.call('POST', eventsPath('1'), JSON.stringify(body));
    expect([answer.status, answer.body]).toEqual([202, { accepted: 0, results: [{ status: 'quarantined', reason }] }]);
  }
  await untilQuarantined('1', rows.length);
  const { results } = await quarantineOf('1');
  const found = results.toReversed().map((item: { reason: string; payload_base64: string }) => ({
    body: JSON.parse(Buffer.from(item.payload_base64, 'base64').toString()),
    reason: item.reason,
  }));
  expect(found).toEqual(rows);
  expect(results[0]).toMatchObject({ id: expect.any(String), topic: null, dpu_id: id('1') });
  expect((await quarantineOf('1', '&reason=too_old')).total).toBe(1);
  const page = await quarantineOf('1', '&page_size=4');
  const rest = await quarantineOf('1', `&page_size=5000&cursor=${page.next}`);
  expect([...page.results, ...rest.results]).toEqual(results);
  expect((await client.get(eventsPath('1'))).total).toBe(0);
});

test('the good events of an array are stored, the bad ones quarantined', async () => {
  await door('1');
  const answer = await client.post(eventsPath('1'), [
    { timestamp: '2026-01-01T08:00:00Z', direction: 1 },
    { timestamp: '2026-01-01T08:00:00Z', direction: 0 },
  ]);
  expect(answer).toEqual({ accepted: 1, results: [ACCEPTED, { status: 'quarantined', reason: 'malformed' }] });
  await untilStored(client, 1, eventsPath('1'));
  expect((await quarantineOf('1')).total).toBe(1);
});

test.each([
  ['POST', (dpu: string) => client.post('/v1/dpus', { id: dpu })],
  ['PUT', (dpu: string) => client.put(`/v1/dpus/${dpu}`, {})],
])('making a DPU with %s replays what it sent before it was known', async (_, make) => {
  await client.post('/v1/spaces', { id: id('A') });
  await client.post('/v1/doorways', { id: id('X'), a: id('A'), b: null });
  const events = [1, 2].map((seq) => ({ timestamp: '2026-01-01T08:00:00Z', direction: 1, seq }));
  const quarantined = { status: 'quarantined', reason: 'unknown_dpu' };
  expect(await client.post(eventsPath('1'), events)).toEqual({ accepted: 0, results: [quarantined, quarantined] });
  await make(id('1'));
  expect((await quarantineOf('1')).total).toBe(0);
  const { results } = await client.get(eventsPath('1'));
  expect(results).toMatchObject([
    { seq: 1, status: 'unplaced' },
    { seq: 2, status: 'unplaced' },
  ]);
  await client.post(`/v1/dpus/${id('1')}/placements`, { doorway_id: id('X'), facing: 'a' });
  expect((await client.get(`/v1/spaces/${id('A')}/count`)).count).toBe(2);
});

test('a floor plan document with a new DPU replays too', async () => {
  await client.post(eventsPath('1'), { timestamp: '2026-01-01T08:00:00Z', direction: 1 });
  const plan = await client.get('/v1/floorplan');
  await client.put('/v1/floorplan', {
    spaces: [...plan.spaces, { id: id('A') }],
    doorways: [...plan.doorways, { id: id('X'), a: id('A'), b: null }],
    dpus: [...plan.dpus, { id: id('1'), placements: [{ doorway_id: id('X'), facing: 'a' }] }],
    resets: plan.resets,
  });
  expect((await client.get(`/v1/spaces/${id('A')}/count`)).count).toBe(1);
  expect((await quarantineOf('1')).total).toBe(0);
});

test('a replay stores what is right by now and leaves the rest', async () => {
  await door('1');
  const dueMs = Date.now() + 302_000;
  await client.post(eventsPath('1'), { timestamp: dueMs, direction: 1 });
  await client.post(eventsPath('1'), { timestamp: '2026-01-01T08:00:00Z', direction: 7 });
  await untilQuarantined('1', 2);
  // Within the 300 s that are allowed as soon as two seconds have gone by.
  await vi.waitFor(
    async () => {
      const answer = await client.post('/v1/quarantine/replay', { dpu_id: id('1'), reason: 'clock_in_future' });
      expect(answer).toEqual({ replayed: 1, still_quarantined: 0, events: 1 });
    },
    { timeout: 10_000, interval: 100 },
  );
  expect((await client.get(eventsPath('1'))).total).toBe(1);
  const { results, total } = await quarantineOf('1');
  expect(total).toBe(1);
  const again = await client.post('/v1/quarantine/replay', { ids: [results[0].id] });
  expect(again).toEqual({ replayed: 0, still_quarantined: 1, events: 0 });
  expect((await quarantineOf('1')).results).toEqual(results);
});

test('lists of events are ranges in either order, by timestamp or as received, in pages', async () => {
  await door('1', '2');
  const at = (minute: number) => `2026-02-01T08:0${minute}:00.000Z`;
  for (const [dpu, minute] of [['1', 3] as const, ['2', 1] as const, ['1', 2] as const, ['2', 4] as const]) {
    await client.post(eventsPath(dpu), { timestamp: at(minute), direction: 1 });
  }
  const path = `/v1/spaces/${id('A')}/events`;
  await untilStored(client, 4, path);
  const minutes = async (rest: string, of = path): Promise<string> => {
    const { results } = await client.get(`${of}?${rest}`);
    return results.map((event: { timestamp: string }) => event.timestamp.slice(15, 16)).join('');
  };
  expect(await minutes('')).toBe('1234');
  expect(await minutes('order=desc')).toBe('4321');
  expect(await minutes('by=received')).toBe('3124');
  expect(await minutes('by=received&order=desc')).toBe('4213');
  expect(await minutes(`start_time=${at(2)}&end_time=${at(4)}`)).toBe('23');
  expect(await minutes(`start_time=${at(1)}&end_time=${at(5)}`, '/v1/events')).toBe('1234');
  expect(await minutes('', eventsPath('1'))).toBe('23');
  for (const rest of ['', '&order=desc', '&by=received', '&by=received&order=desc']) {
    const found: object[] = [];
    for (let cursor = ''; ; ) {
      const page = await client.get(`${path}?page_size=3${rest}${cursor}`);
      expect(page.total).toBe(4);
      found.push(...page.results);
      if (page.next === null) break;
      cursor = `&cursor=${page.next}`;
    }
    expect(found).toEqual((await client.get(`${path}?${rest.slice(1)}`)).results);
  }
});

test('an event between a room and its floor is one of the room only', async () => {
  await client.post('/v1/spaces', { id: id('floor') });
  await client.post('/v1/spaces', { id: id('room'), parent_id: id('floor') });
  await client.post('/v1/doorways', { id: id('X'), a: id('room'), b: id('floor') });
  await client.post('/v1/dpus', { id: id('1') });
  await client.post(`/v1/dpus/${id('1')}/placements`, { doorway_id: id('X'), facing: 'a' });
  await client.post(eventsPath('1'), { timestamp: '2026-01-01T08:00:00Z', direction: 1 });
  await untilStored(client, 1, eventsPath('1'));
  expect((await client.get(`/v1/spaces/${id('room')}/events`)).total).toBe(1);
  expect((await client.get(`/v1/spaces/${id('floor')}/events`)).total).toBe(0);
});

test('up, ready, and all numbers agree', async () => {
  expect(await client.get('/healthz')).toEqual({ status: 'ok' });
  expect(await client.get('/readyz')).toMatchObject({ status: 'ok' });
  const { events } = await client.post('/v1/verify');
  expect(events).toBeGreaterThan(10);
  expect(await client.post('/v1/rebuild')).toMatchObject({ equal: true, events, discrepancies: [] });
  expect(await client.post('/v1/verify')).toMatchObject({ equal: true, events });
});
