// Limits that close connections, each counted under its name; and the PROXY protocol, which says whose they are.
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Authenticate } from '../../broker/authenticate.ts';
import { LIMITS } from '../../broker/limits.ts';
import { ConnectRefused } from '../../broker/session.ts';
import { eventsIn, startTestBroker, type TestBroker, type TestBrokerOptions } from '../support/broker.ts';
import { httpClient } from '../support/http.ts';
import { connectPacket, openWire, publishPacket } from '../support/mqtt-wire.ts';
import { startService } from '../support/service.ts';

const TOPIC = 'dpu/423/events';
const EVENT = '{"timestamp":"2018-02-24T08:45:21.893Z","direction":1}';
const SOON = { timeout: 5_000, interval: 20 };

async function started(options: TestBrokerOptions): Promise<TestBroker> {
  const broker = await startTestBroker(options);
  onTestFinished(() => broker[Symbol.asyncDispose]());
  return broker;
}
const refusals = (broker: TestBroker) =>
  Object.fromEntries(Object.entries(broker.service.counters().refusals).filter(([, count]) => count > 0));

const onlyGood: Authenticate = async ({ connect }) => {
  if (connect?.password?.toString() !== 'good') throw new ConnectRefused('wrong_credentials', 'wrong');
};

test('an address that guesses credentials is barred for a while, and no other', async () => {
  const limits = { failedConnectsPerSecondMax: 3, barMs: 300, barMsMax: 300 };
  const broker = await started({ authenticate: onlyGood, limits });
  const guess = async (password: string, localAddress: string) => {
    await using wire = await openWire(broker.port, undefined, { localAddress });
    wire.send(connectPacket({ username: 'x', password: Buffer.from(password) }));
    return await wire.next().then(
      (packet) => (packet.cmd === 'connack' ? packet.returnCode : packet.cmd),
      () => 'closed',
    );
  };
  for (let tries = 0; tries < 4; tries++) expect(await guess('bad', '127.0.0.2')).toBe(4);
  expect(await guess('good', '127.0.0.2')).toBe('closed');
  expect(await guess('good', '127.0.0.3')).toBe(0);
  expect(refusals(broker)).toEqual({ wrong_credentials: 4, too_many_failed_connects: 1 });
  await vi.waitFor(async () => expect(await guess('good', '127.0.0.2')).toBe(0), SOON);
});

test('beyond the memory of all connections the newest that are not accepted are closed', async () => {
  const broker = await started({ limits: { memoryBytesMax: 5 * LIMITS.connectionBytes } });
  await using accepted = await openWire(broker.port);
  await accepted.connect();
  const waiting = [];
  for (let count = 0; count < 8; count++) waiting.push(await openWire(broker.port));
  for (const wire of waiting.slice(4)) await wire.closed();
  await accepted.ping();
  expect(waiting.slice(0, 4).map((wire) => wire.ended)).toEqual([false, false, false, false]);
  expect(refusals(broker)).toEqual({ memory: 4 });
  for (const wire of waiting) wire.destroy();
});

test('a CONNECT that comes byte by byte has its time in all', async () => {
  const broker = await started({ limits: { connectTimeoutMs: 300 } });
  await using wire = await openWire(broker.port);
  wire.send(Buffer.of(0x10));
  await wire.closed();
  expect(refusals(broker)).toEqual({ connect_timeout: 1 });
});

test('a DPU that publishes too fast is read more slowly; nothing is dropped, and nobody else waits', async () => {
  const adminKey = 'an-admin-key-for-tests';
  await using service = await startService({ environment: { FOOTFALL_ADMIN_KEY: adminKey } });
  const http = httpClient(service.httpUrl);
  const authorization = { authorization: `Bearer ${adminKey}` };
  await http.call('POST', '/v1/dpus', { id: '423' }, authorization);
  const { secret } = (await http.call('POST', '/v1/dpus/423/secret', undefined, authorization)).body;
  await using flooding = await openWire(service.mqttPort);
  await flooding.connect({ clientId: '423', username: '423', password: Buffer.from(secret) });
  await using gateway = await openWire(service.mqttPort);
  await gateway.connect({ username: 'gateway', password: Buffer.from(adminKey) });
  const event = (ms: number) => JSON.stringify({ timestamp: Date.UTC(2018, 1, 24) + ms, direction: 1 });
  const count = 120;
  const startedAtMs = performance.now();
  for (let id = 1; id <= count; id++) flooding.send(publishPacket(TOPIC, event(id), id));
  for (let id = 1; id <= count; id++) gateway.send(publishPacket(TOPIC, event(count + id), id));
  for (let id = 1; id <= count; id++) expect(await gateway.next()).toMatchObject({ cmd: 'puback', messageId: id });
  expect(flooding.received.length).toBeLessThan(count);
  for (let id = 1; id <= count; id++) expect(await flooding.next()).toMatchObject({ cmd: 'puback', messageId: id });
  // 50 at once, and 50 a second.
  expect(performance.now() - startedAtMs).toBeGreaterThan(((count - 50) * 1000) / 50 - 100);
});

const V2 = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const v2 = (command: number, family: number, ...body: number[]) =>
  Buffer.concat([V2, Buffer.of(0x20 | command, family, 0, body.length, ...body)]);
const PROXIED: [title: string, header: Buffer][] = [
  ['version 1', Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 56324 1883\r\n')],
  ['version 1, unknown', Buffer.from('PROXY UNKNOWN\r\n')],
  ['version 2, IPv4', v2(1, 0x11, 203, 0, 113, 7, 192, 0, 2, 1, 0, 1, 0, 2)],
  ['version 2, IPv6', v2(1, 0x21, ...Array(36).fill(1))],
  ['version 2, local', v2(0, 0)],
];
test.each(PROXIED)('behind a balancer a header of %s is taken off, whole or in pieces', async (_title, header) => {
  const broker = await started({ proxyProtocol: true });
  await using whole = await openWire(broker.port);
  whole.send(header, connectPacket(), publishPacket(TOPIC, EVENT, 1));
  expect([(await whole.next()).cmd, (await whole.next()).cmd]).toEqual(['connack', 'puback']);
  await using pieces = await openWire(broker.port);
  for (const byte of header) {
    await new Promise<void>((resolve) => pieces.socket.write(Buffer.of(byte), () => resolve()));
  }
  await pieces.connect();
  expect(eventsIn(broker.records)).toHaveLength(1);
});

test('addresses are those that the balancer names; who comes past it is refused', async () => {
  const limits = { failedConnectsPerSecondMax: 1, barMs: 60_000 };
  const broker = await started({ proxyProtocol: true, authenticate: onlyGood, limits });
  const from = async (address: string, password: string) => {
    await using wire = await openWire(broker.port);
    const packet = connectPacket({ username: 'x', password: Buffer.from(password) });
    wire.send(Buffer.from(`PROXY TCP4 ${address} 192.0.2.1 1 1883\r\n`), packet);
    return await wire.next().then(
      () => 'answered',
      () => 'closed',
    );
  };
  await from('203.0.113.7', 'bad');
  await from('203.0.113.7', 'bad');
  expect(await from('203.0.113.7', 'good')).toBe('closed');
  expect(await from('203.0.113.8', 'good')).toBe('answered');
  await using past = await openWire(broker.port);
  past.send(connectPacket());
  await past.closed();
  expect(refusals(broker)).toMatchObject({ too_many_failed_connects: 1, proxy_header: 1 });
});
