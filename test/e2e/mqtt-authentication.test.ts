// MQTT with credentials: who may connect, for which DPU they speak, and that revoked connections end.
import type { IConnectPacket } from 'mqtt-packet';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { httpClient } from '../support/http.ts';
import { connectPacket, openWire, publishPacket, type Wire } from '../support/mqtt-wire.ts';
import { type Service, startService } from '../support/service.ts';

const ADMIN_KEY = 'an-admin-key-for-tests';
const EVENT = '{"timestamp":"2018-02-24T08:45:21.893Z","direction":1}';
const SOON = { timeout: 5_000, interval: 50 };

let service: Service;
let secret: string;
let ingestKey: { id: string; key: string };
let readKey: { id: string; key: string };

const admin = async (method: string, path: string, body?: unknown) => {
  const answer = await httpClient(service.httpUrl).call(method, path, body, { authorization: `Bearer ${ADMIN_KEY}` });
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
};
const eventsOf = async (dpuId: string): Promise<number> => (await admin('GET', `/v1/dpus/${dpuId}/events`)).total;

beforeAll(async () => {
  service = await startService({ environment: { FOOTFALL_ADMIN_KEY: ADMIN_KEY } });
  for (const id of ['423', '283', '999']) await admin('POST', '/v1/dpus', { id });
  ({ secret } = await admin('POST', '/v1/dpus/423/secret'));
  ingestKey = await admin('POST', '/v1/keys', { scopes: ['ingest'] });
  readKey = await admin('POST', '/v1/keys', { scopes: ['read'] });
});
afterAll(() => service.stop());

const withPassword = (clientId: string, username: string, password: string): Partial<IConnectPacket> => ({
  clientId,
  username,
  password: Buffer.from(password),
});

async function connected(options: Partial<IConnectPacket>): Promise<Wire> {
  const wire = await openWire(service.mqttPort);
  await wire.connect(options);
  return wire;
}

const refusals: [what: string, options: () => Partial<IConnectPacket>, returnCode: number][] = [
  ['nothing', () => ({ clientId: '423' }), 5],
  ['a user name only', () => ({ clientId: '423', username: '423' }), 5],
  ['an empty password', () => withPassword('423', '423', ''), 5],
  ['a wrong secret', () => withPassword('423', '423', `ffd_${'0'.repeat(32)}`), 4],
  ['the secret of another DPU', () => withPassword('283', '283', secret), 4],
  ['a client id that is not the DPU', () => withPassword('x', '423', secret), 4],
  ['a user name that is not the DPU', () => withPassword('423', 'x', secret), 4],
  ['a DPU that has no secret', () => withPassword('999', '999', secret), 4],
  ['a DPU that is not there', () => withPassword('404', '404', secret), 4],
  ['a key that may only read, with the id of a DPU', () => withPassword('283', 'reader', readKey.key), 2],
];
test.each(refusals)('%s is refused with its return code', async (_, options, returnCode) => {
  await using wire = await openWire(service.mqttPort);
  // What follows a CONNECT that is refused is never looked at.
  wire.send(connectPacket(options()), publishPacket('dpu/423/events', EVENT, 1));
  expect(await wire.next()).toMatchObject({ cmd: 'connack', returnCode });
  await wire.closed();
  expect(await eventsOf('423')).toBe(0);
});

test('a DPU publishes its own events; to those of another its connection is closed, unacknowledged', async () => {
  await using wire = await connected(withPassword('423', '423', secret));
  wire.send(publishPacket('dpu/423/events', EVENT, 1));
  expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  wire.send(publishPacket('dpu/283/events', EVENT, 2));
  await wire.closed();
  expect(wire.received).toEqual([]);
  expect(await eventsOf('283')).toBe(0);
  await vi.waitFor(async () => expect(await eventsOf('423')).toBe(1), SOON);
});

test('what is no topic of events is quarantined as ever, and the connection stays', async () => {
  await using wire = await connected(withPassword('423', '423', secret));
  wire.send(publishPacket('dpus/423/event', EVENT, 7));
  expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 7 });
  await wire.ping();
});

test.each([
  ['dpu/423/commands', 0],
  ['dpu/283/commands', 128],
  ['dpu/+/commands', 128],
  ['+/423/commands', 128],
  ['spaces/+/count', 128],
  ['dpu/423/events', 128],
  ['#', 128],
])('a DPU that subscribes to %s is granted %i', async (topic, granted) => {
  await using wire = await connected(withPassword('423', '423', secret));
  wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 0 }] });
  expect(await wire.next()).toMatchObject({ cmd: 'suback', granted: [granted] });
});

test('a key with the scope ingest publishes for any DPU, under any name', async () => {
  for (const [index, key] of [ingestKey.key, ADMIN_KEY].entries()) {
    await using wire = await connected(withPassword(`gateway-${index}`, 'whoever', key));
    const event = `{"timestamp":"2018-02-24T09:00:0${index}Z","direction":1}`;
    wire.send(publishPacket('dpu/283/events', event, 1), publishPacket('dpu/999/events', event, 2));
    expect([await wire.next(), await wire.next()]).toMatchObject([{ messageId: 1 }, { messageId: 2 }]);
  }
  await vi.waitFor(async () => expect([await eventsOf('283'), await eventsOf('999')]).toEqual([2, 2]), SOON);
});

test('a key that may only read comes in, reads, and publishes nothing', async () => {
  for (const topic of ['dpu/283/events', 'weather', 'spaces/A/count']) {
    await using wire = await connected(withPassword('reader', 'reader', readKey.key));
    const topics = ['spaces/+/count', 'dpus/423/status', 'dpu/423/commands', 'dpu/+/commands'];
    wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: topics.map((one) => ({ topic: one, qos: 1 })) });
    expect(await wire.next()).toMatchObject({ cmd: 'suback', granted: [1, 1, 128, 128] });
    wire.send(publishPacket(topic, EVENT, 2));
    await wire.closed();
    expect(wire.received.filter(({ cmd }) => cmd === 'puback')).toEqual([]);
  }
  const { results } = await admin('GET', '/v1/quarantine');
  expect(results.filter(({ topic }: { topic: string }) => /weather|spaces/.test(topic))).toEqual([]);
});

test('a revoked key and a replaced secret end the connections that they let in, and no others', async () => {
  const { id, key } = await admin('POST', '/v1/keys', { scopes: ['ingest'] });
  const { secret: before } = await admin('POST', '/v1/dpus/999/secret');
  await using gateway = await connected(withPassword('revoked', 'revoked', key));
  await using dpu = await connected(withPassword('999', '999', before));
  await using other = await connected(withPassword('other', 'other', ingestKey.key));
  await admin('DELETE', `/v1/keys/${id}`);
  await gateway.closed();
  await dpu.ping();
  const { secret: after } = await admin('POST', '/v1/dpus/999/secret');
  await dpu.closed();
  await other.ping();
  await using again = await connected(withPassword('999', '999', after));
  await again.ping();
});

test('a key confined to a space speaks for the DPUs that are wholly within it', async () => {
  await admin('POST', '/v1/spaces', { id: 'ours' });
  await admin('POST', '/v1/doorways', { id: 'door', a: 'ours', b: null });
  await admin('POST', '/v1/dpus', { id: 'inside' });
  await admin('POST', '/v1/dpus/inside/placements', { doorway_id: 'door', facing: 'a' });
  const { key } = await admin('POST', '/v1/keys', { scopes: ['ingest'], root_space_id: 'ours' });
  await using wire = await connected(withPassword('confined', 'confined', key));
  for (const [index, topic] of ['dpu/inside/commands', 'dpu/283/commands', 'spaces/+/count'].entries()) {
    wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 0 }] });
    expect(await wire.next()).toMatchObject({ cmd: 'suback', granted: [index === 0 ? 0 : 128] });
  }
  wire.send(publishPacket('dpu/inside/events', EVENT, 2));
  expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 2 });
  wire.send(publishPacket('dpu/283/events', EVENT, 3));
  await wire.closed();
});

test('a key confined to a space speaks no more for a DPU that moves out of it', async () => {
  await admin('POST', '/v1/spaces', { id: 'flat' });
  for (const [id, a] of [
    ['flat-door', 'flat'],
    ['street-door', 'ours'],
  ]) {
    await admin('POST', '/v1/doorways', { id, a, b: null });
  }
  await admin('POST', '/v1/dpus', { id: 'moving' });
  await admin('POST', '/v1/dpus/moving/placements', { doorway_id: 'flat-door', facing: 'a' });
  const { key } = await admin('POST', '/v1/keys', { scopes: ['ingest'], root_space_id: 'flat' });
  await using wire = await connected(withPassword('one-topic', 'one-topic', key));
  wire.send(publishPacket('dpu/moving/events', EVENT, 1), publishPacket('dpu/moving/events', EVENT, 2));
  expect([await wire.next(), await wire.next()]).toMatchObject([{ messageId: 1 }, { messageId: 2 }]);
  await admin('POST', '/v1/dpus/moving/placements', { doorway_id: 'street-door', facing: 'a', from: Date.now() });
  wire.send(publishPacket('dpu/moving/events', EVENT, 3));
  await wire.closed();
  expect(wire.received).toEqual([]);
});

test('an expired key ends its connection', async () => {
  const { key } = await admin('POST', '/v1/keys', { scopes: ['ingest'], expires_at: Date.now() + 1_500 });
  await using wire = await connected(withPassword('expiring', 'expiring', key));
  await wire.ping();
  await wire.closed();
});

test('who came in while the service was open is sent away when it closes', async () => {
  await using open = await startService();
  await using wire = await openWire(open.mqttPort);
  await wire.connect({ clientId: '423' });
  await wire.ping();
  await httpClient(open.httpUrl).post('/v1/keys', { scopes: ['admin'] });
  await wire.closed();
});

test.each([
  ['no origin', () => ({}), 101],
  ['the service itself', () => ({ origin: service.httpUrl }), 101],
  ['another site', () => ({ origin: 'https://example.org' }), 403],
  ['another port', () => ({ origin: 'http://127.0.0.1:1' }), 403],
  ['no site at all', () => ({ origin: 'null' }), 403],
])('a WebSocket from %s', async (_, options, status) => {
  const socket = new WebSocket(service.wsUrl, 'mqtt', options());
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  socket.on('upgrade', (response) => resolve(response.statusCode));
  socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
  socket.on('error', () => undefined);
  expect(await promise).toBe(status);
  socket.terminate();
});
