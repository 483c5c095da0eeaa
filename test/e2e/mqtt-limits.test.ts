// What a connection may cost: packet sizes before and after CONNECT, silence, and identifiers.
import { connectAsync } from 'mqtt';
import { generate } from 'mqtt-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIMITS } from '../../broker/limits.ts';
import { eventsIn, quarantinedIn, startTestBroker, type TestBroker } from '../support/broker.ts';
import { connectPacket, openWire, publishPacket, type Wire } from '../support/mqtt-wire.ts';

let broker: TestBroker;
/** Connections that never get as far as CONNECT; opened first, because it takes seconds until they are given up. */
let undecided: Wire[];

beforeAll(async () => {
  broker = await startTestBroker();
  undecided = [await openWire(broker.port), await openWire(broker.port)];
  undecided[1]?.send(generate(connectPacket()).subarray(0, 8));
});

afterAll(() => broker[Symbol.asyncDispose]());

const TOPIC = 'dpu/423/events';
const EVENT = '{"timestamp":"2018-02-24T08:45:21.893Z","direction":1}';
/** Of a PUBLISH to TOPIC around its payload. */
const PUBLISH_BYTES = 2 + TOPIC.length + 2;

/** A CONNECT of exactly so many remaining bytes. */
function connectOf(bytes: number): Buffer {
  const withPassword = (length: number) =>
    generate(connectPacket({ username: 'dpu', password: Buffer.alloc(length, 'x') }));
  const headerBytes = 3;
  const aroundBytes = withPassword(500).length - headerBytes - 500;
  return withPassword(bytes - aroundBytes);
}

test('a CONNECT of 1 KB is answered, a longer one closes the connection', async () => {
  await using allowed = await openWire(broker.port);
  allowed.send(connectOf(LIMITS.connectBytesMax));
  expect(await allowed.next()).toMatchObject({ cmd: 'connack', returnCode: 0 });
  await using refused = await openWire(broker.port);
  refused.send(connectOf(LIMITS.connectBytesMax + 1));
  await refused.closed();
  expect(refused.received).toEqual([]);
});

test('a PUBLISH of 256 KB is taken in; of a longer one topic and size are, it is acknowledged, and the connection stays', async () => {
  await using wire = await openWire(broker.port);
  await wire.connect();
  const longest = EVENT.padEnd(LIMITS.packetBytesMax - PUBLISH_BYTES, ' ');
  wire.send(publishPacket(TOPIC, longest, 1), publishPacket(TOPIC, `${longest} `, 2), publishPacket(TOPIC, EVENT, 3));
  for (const messageId of [1, 2, 3]) expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId });
  expect(eventsIn(broker.records)).toHaveLength(2);
  expect(quarantinedIn(broker.records)).toMatchObject([
    { topic: TOPIC, reason: 'too_large', payload: Buffer.alloc(0), detail: expect.stringContaining('262145 bytes') },
  ]);
  broker.records.length = 0;
});

test.each([
  0, 1, 2,
] as const)('a PUBLISH of 16 MB with QoS %i, in pieces, is passed over without being kept', async (qos) => {
  await using wire = await openWire(broker.port);
  await wire.connect();
  const bytes = generate(publishPacket('elsewhere', Buffer.alloc(16 * 1024 * 1024), 9, { qos }));
  for (let at = 0; at < 64; at++) wire.send(bytes.subarray(at, at + 1));
  wire.send(bytes.subarray(64));
  if (qos > 0) expect(await wire.next()).toMatchObject({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId: 9 });
  await broker.until(() => quarantinedIn(broker.records).length === 1);
  expect(quarantinedIn(broker.records)).toMatchObject([{ topic: 'elsewhere', reason: 'too_large' }]);
  await wire.ping();
  broker.records.length = 0;
});

test('any other packet that is too long closes the connection at its header', async () => {
  await using wire = await openWire(broker.port);
  await wire.connect();
  wire.send(Buffer.from([0x82, 0x80, 0x80, 0x80, 0x5f]));
  await wire.closed();
});

test('an unfinished CONNECT of 200 MB is not buffered: the connection closes at its header', async () => {
  await using wire = await openWire(broker.port);
  wire.send(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x5f]));
  await wire.closed();
});

test('a client that is silent for one and a half keepalives is disconnected, one that pings is not', async () => {
  await using silent = await openWire(broker.port);
  await using pinging = await openWire(broker.port);
  await silent.connect({ keepalive: 1 });
  await pinging.connect({ keepalive: 1 });
  let closed = false;
  const ended = silent.closed().then(() => {
    closed = true;
  });
  while (!closed) await pinging.ping();
  await ended;
  expect(pinging.ended).toBe(false);
});

test('silence while nothing is read from a client is not held against it', async () => {
  await using held = await startTestBroker();
  await using silent = await openWire(held.port);
  await using publishing = await openWire(held.port);
  await publishing.connect({ keepalive: 1 });
  held.failWith(new Error('ENOSPC'));
  publishing.send(publishPacket(TOPIC, EVENT, 1));
  await held.until(() => held.writer.saturated);
  publishing.send(publishPacket(TOPIC, EVENT, 2));
  // The other one's silence tells that the time is up; it began later.
  await silent.connect({ keepalive: 1 });
  await silent.closed();
  expect(publishing.ended).toBe(false);
  held.failWith(null);
  expect(await publishing.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  expect(await publishing.next()).toMatchObject({ cmd: 'puback', messageId: 2 });
});

test('a client without an id is welcome to a clean session, and refused another', async () => {
  await using clean = await openWire(broker.port);
  await clean.connect({ clientId: '', clean: true });
  await using nameless = await openWire(broker.port);
  nameless.send(Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 0, 0, 0]));
  expect(await nameless.next()).toMatchObject({ cmd: 'connack', returnCode: 2 });
  await nameless.closed();
});

test('an unacceptable protocol version gets return code 1', async () => {
  await using wire = await openWire(broker.port);
  wire.send(Buffer.from([0x10, 14, 0, 4, 0x4d, 0x51, 0x54, 0x54, 6, 2, 0, 0, 0, 0, 1, 0x61]));
  expect(await wire.next()).toMatchObject({ cmd: 'connack', returnCode: 1 });
  await wire.closed();
});

test('a client id that connects again takes the place of the first', async () => {
  await using first = await openWire(broker.port);
  await using second = await openWire(broker.port);
  await first.connect({ clientId: 'twice' });
  await second.connect({ clientId: 'twice' });
  await first.closed();
  await second.ping();
});

test('a client that asks for a session is told that there is none, and can publish', async () => {
  const url = `mqtt://127.0.0.1:${broker.port}`;
  for (let times = 0; times < 2; times++) {
    const client = await connectAsync(url, { clean: false, clientId: 'lasting' });
    await client.publishAsync(TOPIC, EVENT, { qos: 2 });
    await client.endAsync();
  }
  expect(quarantinedIn(broker.records)).toEqual([]);
});

test('a connection on which CONNECT does not come, or not all of it, is closed', async () => {
  await Promise.all(undecided.map((wire) => wire.closed()));
  expect(undecided.flatMap((wire) => wire.received)).toEqual([]);
});
