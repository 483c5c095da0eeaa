// What a DPU is doing, as the API tells it: connected, since when, from where, heard, refused, and how far its clock is off.
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ADMIN_KEY, withKey } from '../support/confined.ts';
import { type Client, httpClient, untilStored } from '../support/http.ts';
import { openWire } from '../support/mqtt-wire.ts';
import { type Service, startService } from '../support/service.ts';

/** A broker that was killed is found out after 10 s where it could be anywhere. */
const SOON = { timeout: 20_000, interval: 50 };
let service: Service;
let admin: Client;
const secrets = new Map<string, string>();

beforeAll(async () => {
  service = await startService({ environment: { FOOTFALL_ADMIN_KEY: ADMIN_KEY } });
  admin = withKey(httpClient(service.httpUrl), ADMIN_KEY);
  await admin.put('/v1/floorplan', {
    spaces: [{ id: 'A' }],
    doorways: [{ id: 'X', a: 'A', b: null }],
    dpus: [
      { id: 'placed', placements: [{ doorway_id: 'X', facing: 'a' }] },
      { id: 'spare' },
      { id: 'never', name: 'Never seen' },
    ],
  });
  for (const id of ['placed', 'spare']) secrets.set(id, (await admin.post(`/v1/dpus/${id}/secret`)).secret);
});
afterAll(() => service.stop());

const connect = (id: string, protocolVersion: 4 | 5 = 4) =>
  connectAsync(service.mqttUrl, {
    clientId: id,
    username: id,
    password: secrets.get(id) ?? '',
    protocolVersion,
    reconnectPeriod: 0,
  });
const status = (id: string) => admin.get(`/v1/dpus/${id}/status`);
/** By the list, which asks for no events. */
const untilOnline = async (id: string, online: boolean) => {
  await vi.waitFor(async () => expect(await listed(`online=${online}`)).toContain(id), SOON);
  return status(id);
};
const listed = async (query: string): Promise<string[]> => {
  const { results, total } = await admin.get(`/v1/dpus/status?${query}`);
  expect(total).toBe(results.length);
  return results.map(({ dpu_id }: { dpu_id: string }) => dpu_id);
};

test('a DPU that never came is offline since ever', async () => {
  expect(await status('never')).toMatchObject({
    dpu_id: 'never',
    name: 'Never seen',
    online: false,
    since: null,
    last_heard: null,
    address: null,
    mqtt_version: null,
    placed: false,
    refusals: {},
    clock_skew_ms: null,
    events: { last_minute: 0, last_hour: 0, last_day: 0 },
  });
  expect((await admin.call('GET', '/v1/dpus/none/status')).body.code).toBe('dpu_not_found');
});

test('one that connects is online from then on, with its address and version, until it goes', async () => {
  const before = Date.now();
  const client = await connect('placed', 5);
  const online = await untilOnline('placed', true);
  expect(online).toMatchObject({ address: '127.0.0.1', mqtt_version: '5', placed: true });
  expect(Date.parse(online.since)).toBeGreaterThanOrEqual(before);
  expect(await listed('online=true')).toEqual(['placed']);
  expect(await listed('online=false')).toEqual(['never', 'spare']);
  await client.endAsync();
  const offline = await untilOnline('placed', false);
  expect(Date.parse(offline.since)).toBeGreaterThan(Date.parse(online.since));
  expect(offline.address).toBe('127.0.0.1');
});

test('what it sends tells when it was heard, how much it sends, and how far its clock is off', async () => {
  const client = await connect('spare');
  const aheadMs = 100_000;
  for (let index = 0; index < 5; index++) {
    const event = { timestamp: Date.now() + aheadMs, direction: 1, epoch: 1, seq: index };
    await client.publishAsync('dpu/spare/events', JSON.stringify(event), { qos: 1 });
  }
  await untilStored(admin, 5, '/v1/dpus/spare/events?page_size=1');
  const found = await vi.waitFor(async () => {
    const now = await status('spare');
    expect(now.last_heard).not.toBe(null);
    return now;
  }, SOON);
  expect(found.events).toEqual({ last_minute: 5, last_hour: 5, last_day: 5 });
  expect(found.clock_skew_ms).toBeGreaterThan(aheadMs - 5_000);
  expect(found.clock_skew_ms).toBeLessThanOrEqual(aheadMs);
  expect(await listed(`not_heard_since=${Date.now() + 60_000}`)).toEqual(['never', 'placed', 'spare']);
  expect(await listed(`not_heard_since=${Date.parse(found.last_heard)}&placed=false`)).toEqual(['never']);
  expect(await listed('placed=true')).toEqual(['placed']);
  await client.endAsync();
  await untilOnline('spare', false);
});

test('pages of the list follow one another', async () => {
  const first = await admin.get('/v1/dpus/status?page_size=2&online=false');
  const rest = await admin.get(`/v1/dpus/status?page_size=2&online=false&cursor=${first.next}`);
  expect([first.total, first.results.length, rest.results.length, rest.next]).toEqual([3, 2, 1, null]);
});

test('connections that are refused in its name are counted by their reason', async () => {
  const withWrong = { clientId: 'never', username: 'never', password: 'wrong', reconnectPeriod: 0 };
  for (let times = 0; times < 2; times++) await expect(connectAsync(service.mqttUrl, withWrong)).rejects.toThrow();
  await using wire = await openWire(service.mqttPort);
  await wire.connect({ clientId: 'spare', username: 'spare', password: Buffer.from(secrets.get('spare') ?? '') });
  wire.send({ cmd: 'publish', topic: 'dpu/placed/events', payload: '[]', qos: 0, dup: false, retain: false });
  await wire.closed();
  await vi.waitFor(async () => {
    expect((await status('never')).refusals).toEqual({ wrong_credentials: 2 });
    expect((await status('spare')).refusals).toEqual({ publish_not_authorized: 1 });
  }, SOON);
});

test('when the service was killed, nobody is connected, and who comes back is', async () => {
  await connect('spare');
  await untilOnline('spare', true);
  await service.kill('SIGKILL');
  const killedAtMs = Date.now();
  await service.restart();
  const offline = await untilOnline('spare', false);
  expect(Date.parse(offline.since)).toBeGreaterThan(killedAtMs - 15_000);
  expect(offline.refusals).toEqual({ publish_not_authorized: 1 });
  const again = await connect('spare');
  await untilOnline('spare', true);
  await again.endAsync();
}, 60_000);
