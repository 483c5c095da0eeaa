// What the gateway acknowledges to another broker is stored: not before, in order, for every QoS; and when it stops reading.
import { once } from 'node:events';
import type { Packet } from 'mqtt-packet';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Gateway, openGateway } from '../../broker/gateway.ts';
import { RECEIVE_MAX } from '../../broker/gateway-packets.ts';
import { systemClock } from '../../shared/clock.ts';
import { createLog } from '../../shared/log.ts';
import { eventsIn, quarantinedIn, startTestBroker, type TestBroker } from '../support/broker.ts';
import { publishPacket, type Wire } from '../support/mqtt-wire.ts';
import { five, type OtherBroker, startOtherBroker, welcome } from '../support/other-broker.ts';

const TOPIC = 'dpu/423/events';
const START_MS = Date.UTC(2018, 1, 24, 8);
const CONFIG = {
  host: '127.0.0.1',
  tls: null,
  username: null,
  password: null,
  clientId: 'footfall',
  group: 'footfall',
};
const PATIENCE = { timeout: 10_000, interval: 10 };

async function setUp(options: Parameters<typeof startTestBroker>[0] = {}) {
  const own = await startTestBroker(options);
  const other = await startOtherBroker();
  const dependencies = { ingest: own.ingest, clock: options.clock ?? systemClock, log: createLog('silent') };
  const gateway = openGateway(dependencies, { ...CONFIG, port: other.port });
  onTestFinished(async () => {
    own.release();
    own.failWith(null);
    await other[Symbol.asyncDispose]();
    await gateway.close();
    await own[Symbol.asyncDispose]();
  });
  return { own, other, gateway } satisfies { own: TestBroker; other: OtherBroker; gateway: Gateway };
}

function event(index: number): string {
  return JSON.stringify({ timestamp: START_MS + index, direction: 1 });
}

function publish(id: number, payload = event(id), topic = TOPIC, qos: 0 | 1 | 2 = 1): Buffer {
  return five(publishPacket(topic, payload, id, { qos }));
}

/** Resolves when everything that was sent before has been read. */
async function heard(wire: Wire, packets: readonly Buffer[]): Promise<void> {
  wire.send(...packets);
  wire.send(five({ cmd: 'pubrel', messageId: 60_000 } as Packet));
  await vi.waitFor(() => expect(wire.received.map(({ messageId }) => messageId)).toContain(60_000), PATIENCE);
  wire.received.splice(
    wire.received.findIndex(({ messageId }) => messageId === 60_000),
    1,
  );
}

/** How many messages have been taken from other brokers. */
function counted({ ingest }: TestBroker): () => number {
  const take = vi.spyOn(ingest, 'take');
  return () => take.mock.calls.length;
}

/** Resolves when `number` no longer changes. */
async function settled(number: () => number): Promise<void> {
  let before = Number.NaN;
  const look = () => {
    const isSettled = number() === before;
    before = number();
    if (!isSettled) throw new Error(`${before}, and it goes on`);
  };
  await vi.waitFor(look, { timeout: 10_000, interval: 500 });
}

test('it asks for a session that never ends, and for many messages under way', async () => {
  const { other } = await setUp();
  const { wire, connect } = await other.connection();
  expect(connect).toMatchObject({
    clientId: 'footfall',
    clean: false,
    properties: { sessionExpiryInterval: 0xffff_ffff, receiveMaximum: RECEIVE_MAX },
  });
  wire.send(welcome());
  expect(await wire.next()).toMatchObject({ subscriptions: [{ topic: '$share/footfall/dpu/+/events', qos: 1 }] });
});

test('nothing is acknowledged before it is durable; then all in their order, and nothing for QoS 0', async () => {
  const { own, other } = await setUp();
  const wire = await other.subscribed();
  own.hold();
  const sent = [publish(7), publish(0, event(1), TOPIC, 0), publish(9, '{poison'), publish(3, event(3), 'elsewhere')];
  await heard(wire, [...sent, publish(5, event(5), TOPIC, 2)]);
  expect(wire.received).toEqual([]);
  own.release();
  await vi.waitFor(() => expect(wire.received).toHaveLength(4), PATIENCE);
  expect(wire.received.map(({ cmd, messageId }) => [cmd, messageId])).toEqual([
    ['puback', 7],
    ['puback', 9],
    ['puback', 3],
    ['pubrec', 5],
  ]);
  expect(eventsIn(own.records).map(({ timestampMs }) => timestampMs - START_MS)).toEqual([7, 1, 5]);
  expect(quarantinedIn(own.records).map(({ topic }) => topic)).toEqual([TOPIC, 'elsewhere']);
});

test('what is not acknowledged when the connection ends is not acknowledged on the next one', async () => {
  const { own, other } = await setUp();
  const wire = await other.subscribed();
  own.hold();
  await heard(wire, [publish(7)]);
  wire.destroy();
  const next = await other.subscribed();
  own.release();
  await own.until(() => eventsIn(own.records).length > 0);
  await heard(next, [publish(8)]);
  await vi.waitFor(() => expect(next.received.map(({ messageId }) => messageId)).toEqual([8]), PATIENCE);
});

test('while the journal fails nothing is acknowledged and nothing more is read; afterwards all of it', async () => {
  const { own, other, gateway } = await setUp();
  const taken = counted(own);
  const wire = await other.subscribed();
  own.failWith(new Error('disk full'));
  wire.send(publish(1));
  await own.until(() => own.writer.failing);
  // More than the sockets between them can hold.
  const room = JSON.stringify({ timestamp: START_MS, direction: 1, room: 'x'.repeat(200_000) });
  let sent = 1;
  while (wire.socket.writableLength < 20_000_000) wire.send(publish(++sent, room));
  await settled(taken);
  expect(taken()).toBeLessThan(sent / 2);
  expect(gateway.status().acknowledged).toBe(0);
  expect(wire.received).toEqual([]);
  own.failWith(null);
  await vi.waitFor(() => expect(wire.received).toHaveLength(sent), PATIENCE);
  expect(gateway.status().acknowledged).toBe(sent);
});

test('a broker that sends more at a time than it was asked for is read no faster than the disk writes', async () => {
  const { own, other } = await setUp();
  const wire = await other.subscribed();
  own.hold();
  const taken = counted(own);
  const sent = 2 * RECEIVE_MAX;
  for (let id = 1; id <= sent; id++) {
    wire.send(publish(id));
  }
  await settled(taken);
  expect(taken()).toBe(RECEIVE_MAX);
  own.release();
  await vi.waitFor(() => expect(wire.received).toHaveLength(sent), PATIENCE);
  expect(wire.received.every(({ messageId }, index) => messageId === index + 1)).toBe(true);
});

test('a session that was begun with the other kind of subscription gives that one up', async () => {
  const { other } = await setUp();
  const { wire } = await other.connection();
  wire.send(welcome(0, true));
  expect(await wire.next()).toMatchObject({ cmd: 'subscribe' });
  expect(await wire.next()).toMatchObject({ cmd: 'unsubscribe', unsubscriptions: ['dpu/+/events'] });
  wire.send(
    five({ cmd: 'suback', messageId: 1, granted: [1] }),
    five({ cmd: 'unsuback', messageId: 2, granted: [0] } as Packet),
  );
  wire.send(publish(3));
  expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 3 });
});

test('topics that are no text, or that of no DPU, are quarantined and acknowledged', async () => {
  const { own, other } = await setUp();
  const wire = await other.subscribed();
  const odd = publish(4, event(4), 'dpu/xx/events');
  odd[odd.indexOf('xx')] = 0xff;
  wire.send(odd, publish(5, event(5), 'dpu/ /events'), publish(6));
  await vi.waitFor(() => expect(wire.received.map(({ messageId }) => messageId)).toEqual([4, 5, 6]), PATIENCE);
  expect(quarantinedIn(own.records).map(({ reason }) => reason)).toEqual(['malformed', 'malformed']);
});

test('a packet too long is skipped piece by piece and acknowledged', async () => {
  const { own, other } = await setUp();
  const wire = await other.subscribed();
  const bytes = publish(4, 'x'.repeat(1_000_000));
  for (let at = 0; at < bytes.length; at += 100_000) wire.send(bytes.subarray(at, at + 100_000));
  for (const byte of publish(5)) wire.send(Buffer.from([byte]));
  await vi.waitFor(() => expect(wire.received.map(({ messageId }) => messageId)).toEqual([4, 5]), PATIENCE);
  expect(quarantinedIn(own.records)).toMatchObject([{ topic: TOPIC, reason: 'too_large' }]);
});

test('with the first message of a DPU on a connection a backlog may follow: its watermark stays where it was for a while', async () => {
  const { own, other } = await setUp();
  const holds = () => own.records.filter(({ kind }) => kind === 'heard');
  for (const connection of [1, 2]) {
    const wire = await other.subscribed();
    wire.send(publish(1), publish(2));
    await vi.waitFor(() => expect(wire.received).toHaveLength(2), PATIENCE);
    expect(holds()).toMatchObject(Array(connection).fill({ dpuId: '423', holdMs: 60_000 }));
    wire.destroy();
  }
});

test('a stop acknowledges what is being stored, takes no more, and says goodbye', async () => {
  const { own, other, gateway } = await setUp();
  const wire = await other.subscribed();
  own.hold();
  await heard(wire, [publish(7)]);
  const closed = gateway.close();
  wire.send(publish(8));
  own.release();
  await closed;
  await vi.waitFor(() => expect(wire.ended).toBe(true), PATIENCE);
  expect(wire.received.map(({ cmd, messageId }) => [cmd, messageId])).toEqual([
    ['puback', 7],
    ['disconnect', undefined],
  ]);
});

test('silence is noticed, and another connection tried', async () => {
  let aheadMs = 0;
  const clock = { nowMs: () => systemClock.nowMs(), monotonicMs: () => systemClock.monotonicMs() + aheadMs };
  const { other } = await setUp({ clock });
  const wire = await other.subscribed();
  aheadMs += 20_000;
  await vi.waitFor(() => expect(wire.received.map(({ cmd }) => cmd)).toContain('pingreq'), PATIENCE);
  aheadMs += 60_000;
  await Promise.all([once(wire.socket, 'close'), other.connection()]);
});

test('a broker of MQTT 3.1.1 is spoken to in 3.1.1', async () => {
  const { other } = await setUp();
  const { wire } = await other.connection();
  wire.send(Buffer.from([0x20, 2, 0, 1])); // CONNACK: unacceptable protocol version.
  expect((await other.connection()).connect).toMatchObject({ protocolVersion: 4, clean: false });
});

test.each([
  ['wrong credentials', 0x86, /user and password.*FOOTFALL_GATEWAY_URL/],
  ['a client id that is not allowed', 0x85, /FOOTFALL_GATEWAY_CLIENT_ID/],
])('%s are told with what to do, and tried again', async (_, code, why) => {
  const { other, gateway } = await setUp();
  const { wire } = await other.connection();
  wire.send(welcome(code));
  await vi.waitFor(() => expect(gateway.status().why).toMatch(why), PATIENCE);
  await other.subscribed();
  await vi.waitFor(() => expect(gateway.status()).toMatchObject({ isConnected: true, why: null }), PATIENCE);
});

test.each([
  ['refused', 0x9e, /no shared subscriptions.*0x9e/],
  ['granted with QoS 0 only', 0, /QoS 0 only/],
])('a subscription %s is told', async (_, granted, why) => {
  const { other, gateway } = await setUp();
  const { wire } = await other.connection();
  wire.send(welcome());
  await wire.next();
  wire.send(five({ cmd: 'suback', messageId: 1, granted: [granted] }));
  await vi.waitFor(() => expect(gateway.status().why).toMatch(why), PATIENCE);
});

test('a session that another client has taken over is told', async () => {
  const { other, gateway } = await setUp();
  const wire = await other.subscribed();
  wire.send(five({ cmd: 'disconnect', reasonCode: 0x8e } as Packet));
  await vi.waitFor(() => expect(gateway.status().why).toMatch(/FOOTFALL_GATEWAY_CLIENT_ID of its own/), PATIENCE);
});
