// An acknowledgement says that the event is stored: not before, in order, for every QoS, and also at the end of a connection.

import { connectAsync } from 'mqtt';
import { generate, type Packet } from 'mqtt-packet';
import { expect, onTestFinished, test } from 'vitest';
import { LIMITS } from '../../broker/limits.ts';
import { ConnectRefused } from '../../broker/session.ts';
import {
  eventsIn,
  quarantinedIn,
  startTestBroker,
  type TestBroker,
  type TestBrokerOptions,
} from '../support/broker.ts';
import { connectPacket, openWire, publishPacket, type Wire } from '../support/mqtt-wire.ts';

const TOPIC = 'dpu/423/events';
const START_MS = Date.UTC(2018, 1, 24, 8);

const event = (index: number): string => JSON.stringify({ timestamp: START_MS + index, direction: 1 });

async function setUp(options?: TestBrokerOptions): Promise<{ broker: TestBroker; wire: Wire }> {
  const broker = await startTestBroker(options);
  const wire = await openWire(broker.port);
  onTestFinished(async () => {
    wire.destroy();
    await broker[Symbol.asyncDispose]();
  });
  return { broker, wire };
}

function idsOf(packets: readonly Packet[]): (number | undefined)[] {
  return packets.map((packet) => packet.messageId);
}

async function take(wire: Wire, count: number): Promise<Packet[]> {
  const packets: Packet[] = [];
  while (packets.length < count) packets.push(await wire.next());
  return packets;
}

test('no PUBACK leaves before the event is durable', async () => {
  const { broker, wire } = await setUp();
  await wire.connect();
  broker.hold();
  wire.send(publishPacket(TOPIC, event(1), 7));
  await wire.ping();
  expect(wire.received).toEqual([]);
  broker.release();
  expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 7 });
  expect(eventsIn(broker.records)).toMatchObject([{ dpuId: '423', timestampMs: START_MS + 1, direction: 1 }]);
});

test('no PUBREC leaves before the event is durable, and the QoS 2 handshake completes', async () => {
  const { broker, wire } = await setUp();
  await wire.connect();
  broker.hold();
  wire.send(publishPacket(TOPIC, event(1), 7, { qos: 2 }));
  await wire.ping();
  expect(wire.received).toEqual([]);
  broker.release();
  expect(await wire.next()).toMatchObject({ cmd: 'pubrec', messageId: 7 });
  wire.send({ cmd: 'pubrel', messageId: 7 });
  expect(await wire.next()).toMatchObject({ cmd: 'pubcomp', messageId: 7 });
  expect(eventsIn(broker.records)).toHaveLength(1);
});

test('a QoS 2 publish sent again is answered again, and PUBREL of an unknown id too', async () => {
  const { wire } = await setUp();
  await wire.connect();
  wire.send(publishPacket(TOPIC, event(1), 7, { qos: 2 }));
  expect(await wire.next()).toMatchObject({ cmd: 'pubrec', messageId: 7 });
  wire.send(publishPacket(TOPIC, event(1), 7, { qos: 2, dup: true }), { cmd: 'pubrel', messageId: 99 });
  const answers = await take(wire, 2);
  expect(answers.map((packet) => packet.cmd).sort()).toEqual(['pubcomp', 'pubrec']);
});

test('a QoS 1 publish sent again with DUP is stored and acknowledged again', async () => {
  const { broker, wire } = await setUp();
  await wire.connect();
  wire.send(publishPacket(TOPIC, event(1), 7));
  await wire.next();
  wire.send(publishPacket(TOPIC, event(1), 7, { dup: true }));
  expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 7 });
  expect(eventsIn(broker.records)).toHaveLength(2);
});

test('a QoS 0 publish is stored, with no answer', async () => {
  const { broker, wire } = await setUp();
  await wire.connect();
  wire.send(publishPacket(TOPIC, event(1), 0, { qos: 0 }));
  await broker.until(() => broker.records.length === 1);
  await wire.ping();
  expect(wire.received).toEqual([]);
});

test('acknowledgements leave in the order of the publishes, also those with nothing to store', async () => {
  const { broker, wire } = await setUp();
  await wire.connect();
  broker.hold();
  wire.send(
    publishPacket(TOPIC, event(1), 1),
    publishPacket(TOPIC, '[]', 2),
    publishPacket(TOPIC, 'poison', 3),
    publishPacket(TOPIC, '', 4),
    publishPacket('elsewhere', event(2), 5),
    publishPacket(TOPIC, `[${event(3)},${event(4)}]`, 6),
  );
  await wire.ping();
  expect(wire.received).toEqual([]);
  broker.release();
  expect(idsOf(await take(wire, 6))).toEqual([1, 2, 3, 4, 5, 6]);
  expect(eventsIn(broker.records)).toHaveLength(3);
  expect(quarantinedIn(broker.records)).toHaveLength(2);
});

test('hundreds of publishes in one piece are acknowledged in order, whatever they hold', async () => {
  const { wire } = await setUp();
  await wire.connect();
  const bodies = [event(1), '[]', '{', ''];
  const count = 3 * LIMITS.unansweredMax;
  wire.send(
    ...Array.from({ length: count }, (_, index) => publishPacket(TOPIC, bodies[index % 4] as string, index + 1)),
  );
  const ids = idsOf(await take(wire, count));
  expect(ids).toEqual(Array.from({ length: count }, (_, index) => index + 1));
});

test('an empty array and an empty payload are acknowledged and store that the DPU was heard', async () => {
  const { broker, wire } = await setUp();
  await wire.connect();
  wire.send(publishPacket(TOPIC, '[]', 1), publishPacket(TOPIC, '', 2), publishPacket(TOPIC, '', 0, { qos: 0 }));
  expect(idsOf(await take(wire, 2))).toEqual([1, 2]);
  await wire.ping();
  expect(broker.records.map(({ kind }) => kind)).toEqual(['heard', 'heard', 'heard']);
});

test.each([
  1, 2,
] as const)('CONNECT, PUBLISH with QoS %i and DISCONNECT in one piece: stored, acknowledged, closed', async (qos) => {
  const { broker, wire } = await setUp();
  broker.hold();
  wire.send(connectPacket(), publishPacket(TOPIC, event(1), 1, { qos }), publishPacket(TOPIC, event(2), 2, { qos }), {
    cmd: 'disconnect',
  });
  expect(await wire.next()).toMatchObject({ cmd: 'connack', returnCode: 0 });
  broker.release();
  expect(idsOf(await take(wire, 2))).toEqual([1, 2]);
  await wire.closed();
  expect(eventsIn(broker.records)).toHaveLength(2);
});

test('a client that ends its side after its last publish still gets the acknowledgement', async () => {
  const { broker, wire } = await setUp();
  await wire.connect();
  broker.hold();
  wire.send(publishPacket(TOPIC, event(1), 1));
  wire.socket.end();
  await using other = await openWire(broker.port);
  await other.connect();
  for (let pings = 0; pings < 20; pings++) await other.ping();
  broker.release();
  expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  await wire.closed();
});

test('a PUBLISH in four segments during a slow authentication is taken in', async () => {
  const admission = Promise.withResolvers<void>();
  const { broker, wire } = await setUp({
    authenticate: () => admission.promise,
  });
  wire.send(connectPacket());
  const bytes = generate(publishPacket(TOPIC, event(1), 1));
  const quarter = Math.ceil(bytes.length / 4);
  for (let at = 0; at < bytes.length; at += quarter) {
    await new Promise<void>((resolve) => wire.socket.write(bytes.subarray(at, at + quarter), () => resolve()));
  }
  expect(wire.received).toEqual([]);
  admission.resolve();
  expect(await wire.next()).toMatchObject({ cmd: 'connack', returnCode: 0 });
  expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  expect(eventsIn(broker.records)).toHaveLength(1);
});

test('what a refused client publishes behind its CONNECT is not stored', async () => {
  const { broker, wire } = await setUp({
    authenticate: () => Promise.reject(new ConnectRefused('not_authorized', 'nobody is')),
  });
  wire.send(connectPacket(), publishPacket(TOPIC, event(1), 1));
  expect(await wire.next()).toMatchObject({ cmd: 'connack', returnCode: 5 });
  await wire.closed();
  expect(broker.records).toEqual([]);
});

test('a failing disk: nothing is acknowledged, publishes wait, the rest is served; then all is stored', async () => {
  const { broker, wire } = await setUp();
  await wire.connect();
  broker.failWith(new Error('ENOSPC: no space left on device'));
  wire.send(publishPacket(TOPIC, event(1), 1));
  await broker.until(() => broker.writer.saturated);
  await using other = await openWire(broker.port);
  await other.connect();
  await other.ping();
  other.send(publishPacket(TOPIC, event(2), 1));
  expect(wire.received).toEqual([]);
  expect(broker.records).toEqual([]);
  broker.failWith(null);
  expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  expect(await other.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  expect(eventsIn(broker.records)).toHaveLength(2);
});

test('a journal that does not keep up stops the reading of sockets, and all is stored once it does', async () => {
  const { broker, wire } = await setUp();
  await wire.connect();
  await using other = await openWire(broker.port);
  await other.connect();
  broker.hold();
  const messages = 200;
  const poison = 'x'.repeat(200_000);
  wire.send(...Array.from({ length: messages }, (_, index) => publishPacket(TOPIC, poison, index + 1)));
  let unsentBytes: number;
  do {
    unsentBytes = wire.socket.writableLength;
    for (let pings = 0; pings < 50; pings++) await other.ping();
  } while (wire.socket.writableLength < unsentBytes);
  expect(broker.writer.saturated).toBe(true);
  // A quarter has been read, and the kernel holds some megabytes.
  expect(unsentBytes).toBeGreaterThan(10_000_000);
  expect(wire.received).toEqual([]);
  broker.release();
  expect(idsOf(await take(wire, messages))).toEqual(Array.from({ length: messages }, (_, index) => index + 1));
  expect(quarantinedIn(broker.records)).toHaveLength(messages);
});

test('one connection has at most so many publishes unanswered; others are not held up by it', async () => {
  const { broker, wire } = await setUp();
  await using other = await openWire(broker.port);
  await wire.connect();
  await other.connect();
  broker.hold();
  const publish = (index: number) => publishPacket(TOPIC, event(index), index + 1);
  for (let index = 0; index < LIMITS.unansweredMax; index++) {
    wire.send(publish(index));
    await wire.ping();
  }
  wire.send(publish(LIMITS.unansweredMax), { cmd: 'pingreq' });
  for (let pings = 0; pings < 20; pings++) await other.ping();
  expect(wire.received).toEqual([]);
  broker.release();
  expect(idsOf(await take(wire, LIMITS.unansweredMax + 2)).filter((id) => id !== undefined)).toHaveLength(
    LIMITS.unansweredMax + 1,
  );
});

test('closing acknowledges what is being stored, takes nothing more, and ends every connection', async () => {
  const { broker, wire } = await setUp();
  await wire.connect();
  await using idle = await openWire(broker.port);
  await using silent = await openWire(broker.port);
  await idle.connect();
  broker.hold();
  wire.send(publishPacket(TOPIC, event(1), 1));
  await wire.ping();
  const closed = broker.service.close();
  wire.send(publishPacket(TOPIC, event(2), 2));
  broker.release();
  expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  await Promise.all([wire.closed(), idle.closed(), silent.closed()]);
  await closed;
  await expect(openWire(broker.port)).rejects.toThrow('ECONNREFUSED');
  expect(eventsIn(broker.records)).toHaveLength(1);
  expect(wire.received).toEqual([]);
});

test.each([0, 1, 2] as const)('MQTT.js publishes with QoS %i', async (qos) => {
  const broker = await startTestBroker();
  onTestFinished(() => broker[Symbol.asyncDispose]());
  const client = await connectAsync(`mqtt://127.0.0.1:${broker.port}`);
  await Promise.all(Array.from({ length: 50 }, (_, index) => client.publishAsync(TOPIC, event(index), { qos })));
  await client.endAsync();
  await broker.until(() => eventsIn(broker.records).length === 50);
});
