// Retained topics for readers: counts of spaces and states of DPUs, as they are and as they change, for each what it may see.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { ADMIN_KEY, furnish, withKey } from '../support/confined.ts';
import { type Client, httpClient } from '../support/http.ts';
import { openWire } from '../support/mqtt-wire.ts';
import { type Service, startService } from '../support/service.ts';
import { workersOf } from '../support/workers.ts';

const SOON = { timeout: 20_000, interval: 20 };
type Topics = Map<string, string>;

let service: Service;
let admin: Client;
let enter: (dpuId: string, people: number) => Promise<void>;
const open: MqttClient[] = [];

beforeAll(async () => {
  service = await startService({ environment: { FOOTFALL_ADMIN_KEY: ADMIN_KEY } });
  admin = withKey(httpClient(service.httpUrl), ADMIN_KEY);
  await furnish(admin);
  let seq = 1_000;
  enter = async (dpuId, people) => {
    const events = Array.from({ length: people }, () => ({ timestamp: Date.now(), direction: 1, seq: seq++ }));
    await admin.post(`/v1/dpus/${dpuId}/events`, events);
  };
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.endAsync(true);
});
afterAll(() => service.stop());

/** A reader with this key; what it knows of each topic, without those that were taken away. */
const reader = async (
  password: string,
  filters: string[],
  at = service.mqttUrl,
  protocolVersion: 4 | 5 = 4,
): Promise<Topics> => {
  const client = await connectAsync(at, { username: 'reader', password, reconnectPeriod: 0, protocolVersion });
  open.push(client);
  const topics: Topics = new Map();
  client.on('message', (topic, payload) => {
    if (payload.length === 0) topics.delete(topic);
    else topics.set(topic, payload.toString());
  });
  await client.subscribeAsync(filters, { qos: 1 });
  return topics;
};
const parsed = (topics: Topics, topic: string) => JSON.parse(topics.get(topic) ?? 'null');
const countIn = (topics: Topics, spaceId: string) => parsed(topics, `spaces/${spaceId}/count`)?.count;
const keyFor = async (body: object): Promise<string> => (await admin.post('/v1/keys', body)).key;
const countOf = async (spaceId: string): Promise<number> => (await admin.get(`/v1/spaces/${spaceId}/count`)).count;

test('the count of every space stands there, follows every change, and agrees with the API', async () => {
  const topics = await reader(ADMIN_KEY, ['spaces/+/count']);
  const spaces = ['house', 'ours', 'ours-room', 'theirs', 'theirs-room'];
  await vi.waitFor(
    () => expect([...topics.keys()].toSorted()).toEqual(spaces.map((id) => `spaces/${id}/count`).toSorted()),
    SOON,
  );
  let count = await countOf('ours-room');
  for (let round = 1; round <= 3; round++) {
    await enter('ours-dpu', round);
    count += round;
    await vi.waitFor(() => expect(countIn(topics, 'ours-room')).toBe(count), SOON);
  }
  expect(await countOf('ours-room')).toBe(count);
  const told = parsed(topics, 'spaces/ours-room/count');
  expect(told).toEqual({
    type: 'count',
    space_id: 'ours-room',
    at: expect.stringMatching(/^\d{4}-.*Z$/),
    count,
    occupancy: Math.max(0, count),
    status: expect.stringMatching(/^(settled|provisional)$/),
    revision: expect.any(Number),
  });
  // What corrects the past is told too.
  await admin.post('/v1/spaces/ours-room/resets', { at: '2026-03-02T23:00:00Z', count: 40 });
  await vi.waitFor(() => expect(countIn(topics, 'ours-room')).toBe(46), SOON);
  for (const id of spaces) expect([id, countIn(topics, id)]).toEqual([id, await countOf(id)]);
});

test('a new space appears, a retired one is taken away', async () => {
  const topics = await reader(ADMIN_KEY, ['spaces/+/count']);
  await admin.post('/v1/spaces', { id: 'annex' });
  await admin.post('/v1/doorways', { id: 'annex-door', a: 'annex', b: null });
  await vi.waitFor(() => expect(countIn(topics, 'annex')).toBe(0), SOON);
  await admin.delete('/v1/doorways/annex-door');
  await admin.delete('/v1/spaces/annex');
  await vi.waitFor(() => expect(topics.has('spaces/annex/count')).toBe(false), SOON);
  const later = await reader(ADMIN_KEY, ['spaces/+/count']);
  await vi.waitFor(() => expect(later.size).toBeGreaterThan(4), SOON);
  expect(later.has('spaces/annex/count')).toBe(false);
});

test('the state of a DPU stands there, from its connection to its end', async () => {
  const topics = await reader(ADMIN_KEY, ['dpus/+/status']);
  const states = () => parsed(topics, 'dpus/ours-dpu/status');
  await vi.waitFor(() => expect(states()).toMatchObject({ online: false }), SOON);
  const { secret } = await admin.post('/v1/dpus/ours-dpu/secret');
  const dpu = await connectAsync(service.mqttUrl, { clientId: 'ours-dpu', username: 'ours-dpu', password: secret });
  open.push(dpu);
  await vi.waitFor(() => expect(states()).toMatchObject({ online: true }), SOON);
  expect(Object.keys(states()).toSorted()).toEqual(['last_heard', 'online', 'since']);
  const { since } = await admin.get('/v1/dpus/ours-dpu/status');
  expect(states().since).toBe(since);
  await dpu.endAsync();
  await vi.waitFor(() => expect(states()).toMatchObject({ online: false }), SOON);
  expect(states().since > since).toBe(true);
});

test('a confined key sees its spaces and what belongs to them, whatever it subscribes to', async () => {
  const key = await keyFor({ scopes: ['read'], root_space_id: 'ours' });
  const topics = await reader(key, ['spaces/+/count', 'dpus/+/status', '+/+/count']);
  const ours = ['dpus/moved-dpu/status', 'dpus/ours-dpu/status', 'dpus/shared-dpu/status'];
  const expected = [...ours, 'spaces/ours-room/count', 'spaces/ours/count'];
  await vi.waitFor(() => expect([...topics.keys()].toSorted()).toEqual(expected), SOON);
  await enter('theirs-dpu', 2);
  await enter('ours-dpu', 1);
  await vi.waitFor(async () => expect(countIn(topics, 'ours-room')).toBe(await countOf('ours-room')), SOON);
  expect([...topics.keys()].toSorted()).toEqual(expected);
  await using wire = await openWire(service.mqttPort);
  await wire.connect({ username: 'reader', password: Buffer.from(key) });
  const filters = ['spaces/ours/count', 'spaces/theirs/count', 'spaces/none/count', 'dpus/theirs-dpu/status', 'x/y'];
  wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters.map((topic) => ({ topic, qos: 0 })) });
  expect(await wire.next()).toMatchObject({ cmd: 'suback', granted: [0, 128, 128, 128, 128] });
  // A DPU that moves out is seen no more.
  const move = (doorwayId: string) =>
    admin.post('/v1/dpus/moved-dpu/placements', { doorway_id: doorwayId, facing: 'a', from: Date.now() });
  await move('theirs-door');
  await vi.waitFor(() => expect(topics.has('dpus/moved-dpu/status')).toBe(false), SOON);
  await move('ours-exit');
  await vi.waitFor(() => expect(topics.has('dpus/moved-dpu/status')).toBe(true), SOON);
  // A space that moves takes the sight of it along.
  await admin.patch('/v1/spaces/ours-room', { parent_id: 'theirs' });
  await vi.waitFor(() => expect(topics.has('spaces/ours-room/count')).toBe(false), SOON);
  await admin.patch('/v1/spaces/ours-room', { parent_id: 'ours' });
  await vi.waitFor(() => expect(topics.has('spaces/ours-room/count')).toBe(true), SOON);
});

test('with MQTT 5 it is the same', async () => {
  const key = await keyFor({ scopes: ['read'], root_space_id: 'ours' });
  const topics = await reader(key, ['spaces/+/count', 'dpus/ours-dpu/status'], service.mqttUrl, 5);
  const expected = ['dpus/ours-dpu/status', 'spaces/ours-room/count', 'spaces/ours/count'];
  await vi.waitFor(() => expect([...topics.keys()].toSorted()).toEqual(expected), SOON);
  const count = await countOf('ours-room');
  await enter('ours-dpu', 1);
  await vi.waitFor(() => expect(countIn(topics, 'ours-room')).toBe(count + 1), SOON);
  await expect(reader(key, ['spaces/theirs/count'], service.mqttUrl, 5)).rejects.toThrow();
});

test('keys that may not read, or must not tell single people, are granted nothing', async () => {
  const keys = [await keyFor({ scopes: ['ingest'] }), await keyFor({ scopes: ['read'], suppress_below: 5 })];
  for (const key of keys) {
    await using wire = await openWire(service.mqttPort);
    await wire.connect({ username: 'reader', password: Buffer.from(key) });
    const filters = ['spaces/+/count', 'spaces/ours/count', '+/+/count', 'dpus/+/status'];
    wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters.map((topic) => ({ topic, qos: 0 })) });
    expect(await wire.next()).toMatchObject({ cmd: 'suback', granted: [128, 128, 128, 128] });
  }
});

test('what somebody publishes to these topics reaches nobody and counts for nothing', async () => {
  const topics = await reader(ADMIN_KEY, ['spaces/+/count', 'dpus/+/status']);
  await vi.waitFor(() => expect(topics.size).toBeGreaterThan(8), SOON);
  const before = new Map(topics);
  const gateway = await connectAsync(service.mqttUrl, { username: 'gateway', password: ADMIN_KEY });
  open.push(gateway);
  for (const topic of ['spaces/theirs/count', 'dpus/ours-dpu/status', 'spaces/none/count']) {
    await gateway.publishAsync(topic, '{"count":99,"online":true}', { qos: 1, retain: true });
  }
  await enter('theirs-dpu', 1);
  await vi.waitFor(async () => expect(countIn(topics, 'theirs-room')).toBe(await countOf('theirs-room')), SOON);
  expect(topics.get('dpus/ours-dpu/status')).toBe(before.get('dpus/ours-dpu/status'));
  expect([...topics.keys()].toSorted()).toEqual([...before.keys()].toSorted());
  const later = await reader(ADMIN_KEY, ['spaces/+/count']);
  await vi.waitFor(() => expect(later.get('spaces/theirs/count')).toBe(topics.get('spaces/theirs/count')), SOON);
  const { results } = await admin.get('/v1/quarantine?reason=malformed');
  expect(results.map(({ topic }: { topic: string }) => topic)).toContain('spaces/none/count');
});

test('a revoked key reads no more', async () => {
  const { id, key } = await admin.post('/v1/keys', { scopes: ['read'] });
  const topics = await reader(key, ['spaces/+/count']);
  await vi.waitFor(() => expect(topics.size).toBeGreaterThan(0), SOON);
  const [client] = open;
  const closed = new Promise<void>((resolve) => client?.once('close', () => resolve()));
  await admin.delete(`/v1/keys/${id}`);
  await closed;
});

test('mosquitto_sub has them retained, also after the service was killed', async ({ skip }) => {
  await service.kill('SIGKILL');
  await service.restart();
  const login = ['-h', '127.0.0.1', '-p', String(service.mqttPort), '-u', 'reader', '-P', ADMIN_KEY];
  const subscriber = spawn('mosquitto_sub', [...login, '-t', 'spaces/theirs/count', '-F', '%r %q %t %p']);
  try {
    const missing = await Promise.race([
      new Promise((resolve) => subscriber.once('error', () => resolve(true))),
      new Promise((resolve) => subscriber.once('spawn', () => resolve(false))),
    ]);
    if (missing === true) skip('mosquitto_sub is not installed (Debian package mosquitto-clients)');
    const lines: string[] = [];
    createInterface(subscriber.stdout).on('line', (line) => void lines.push(line));
    await vi.waitFor(() => expect(lines).toHaveLength(1), SOON);
    expect(lines[0]).toMatch(/^1 0 spaces\/theirs\/count \{/);
    expect(JSON.parse(String(lines[0]?.slice(lines[0].indexOf('{')))).count).toBe(await countOf('theirs'));
    await enter('theirs-dpu', 1);
    await admin.post('/v1/spaces/theirs/resets', { at: new Date(Date.now() - 1_000).toISOString(), count: 7 });
    await vi.waitFor(async () => {
      const last = String(lines.at(-1));
      expect(last).toMatch(/^0 0 /);
      expect(JSON.parse(last.slice(last.indexOf('{'))).count).toBe(await countOf('theirs'));
    }, SOON);
  } finally {
    subscriber.kill();
  }
}, 60_000);

test('readers at every worker are told, and over WebSocket', async () => {
  await using several = await startService({ environment: { FOOTFALL_BROKER_WORKERS: '2' } });
  const client = httpClient(several.httpUrl);
  await client.put('/v1/floorplan', {
    spaces: [{ id: 'A' }],
    doorways: [{ id: 'X', a: 'A', b: null }],
    dpus: [{ id: '423', placements: [{ doorway_id: 'X', facing: 'a' }] }],
  });
  expect(workersOf(several)).toHaveLength(2);
  const urls = [several.wsUrl, ...Array.from({ length: 7 }, () => several.mqttUrl)];
  const readers = await Promise.all(urls.map((url) => reader('', ['spaces/A/count', 'dpus/423/status'], url)));
  const dpu = await connectAsync(several.mqttUrl, { clientId: '423' });
  open.push(dpu);
  for (let count = 1; count <= 3; count++) {
    await dpu.publishAsync('dpu/423/events', JSON.stringify({ timestamp: Date.now(), direction: 1 }), { qos: 1 });
    for (const topics of readers) await vi.waitFor(() => expect(countIn(topics, 'A')).toBe(count), SOON);
  }
  for (const topics of readers) {
    await vi.waitFor(() => expect(parsed(topics, 'dpus/423/status')).toMatchObject({ online: true }), SOON);
  }
}, 60_000);
