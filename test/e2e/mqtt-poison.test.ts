// Everything that can be wrong in a message or a packet, and what becomes of it; the service goes on through all of it.
import { generate, type Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../shared/clock.ts';
import { quarantinedIn, startTestBroker, type TestBroker } from '../support/broker.ts';
import { connectPacket, openWire, publishPacket, type Wire } from '../support/mqtt-wire.ts';

let broker: TestBroker;
let canary: Wire;

beforeAll(async () => {
  broker = await startTestBroker();
  canary = await openWire(broker.port);
  await canary.connect();
});

afterEach(async () => {
  // Whatever a client did, others are served.
  canary.send(publishPacket('dpu/283/events', EVENT, 1));
  expect(await canary.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  broker.records.length = 0;
});

afterAll(async () => {
  canary.destroy();
  await broker[Symbol.asyncDispose]();
});

const TOPIC = 'dpu/423/events';
const EVENT = '{"timestamp":"2018-02-24T08:45:21.893Z","direction":1}';
const TOMORROW = JSON.stringify({ timestamp: systemClock.nowMs() + 86_400_000, direction: 1 });
const DEEP = '['.repeat(100_000) + ']'.repeat(100_000);

const QUARANTINED: [title: string, topic: string, payload: string | Buffer, reason: string][] = [
  ['no JSON', TOPIC, '{', 'malformed'],
  ['no UTF-8', TOPIC, Buffer.from([0xff, 0xfe, 0x00]), 'malformed'],
  ['a JSON null', TOPIC, 'null', 'malformed'],
  ['a number', TOPIC, '1', 'malformed'],
  ['arrays in arrays, very deep', TOPIC, DEEP, 'malformed'],
  ['an event without a timestamp', TOPIC, '{"direction":1}', 'malformed'],
  ['an event without a direction', TOPIC, '{"timestamp":1519461921893}', 'malformed'],
  ['a direction of 2', TOPIC, '{"timestamp":1519461921893,"direction":2}', 'malformed'],
  ['a direction in quotes', TOPIC, '{"timestamp":1519461921893,"direction":"1"}', 'malformed'],
  ['a date that does not exist', TOPIC, '{"timestamp":"2018-02-30T00:00:00Z","direction":1}', 'malformed'],
  ['a timestamp beyond all dates', TOPIC, '{"timestamp":1e300,"direction":1}', 'malformed'],
  ['a negative seq', TOPIC, '{"timestamp":1519461921893,"direction":1,"seq":-1}', 'malformed'],
  ['a thousand and one events', TOPIC, `[${Array(1001).fill(EVENT).join(',')}]`, 'malformed'],
  ['a timestamp of 1999', TOPIC, '{"timestamp":"1999-12-31T23:59:59.999Z","direction":1}', 'too_old'],
  ['a timestamp of tomorrow', TOPIC, TOMORROW, 'clock_in_future'],
  ['an event of an unknown DPU', 'dpu/999/events', EVENT, 'unknown_dpu'],
  ['an id of 65 characters', `dpu/${'9'.repeat(65)}/events`, EVENT, 'malformed'],
  ['an id with a space', 'dpu/4 23/events', EVENT, 'malformed'],
  ['no id', 'dpu//events', EVENT, 'malformed'],
  ['another topic', 'weather', EVENT, 'malformed'],
  ['commands of a DPU', 'dpu/423/commands', EVENT, 'malformed'],
  ['a count', 'spaces/A/count', EVENT, 'malformed'],
  ['a topic of the server', '$SYS/broker/clients', EVENT, 'malformed'],
  ['the topic of a shared subscription', '$share/a/dpu/423/events', EVENT, 'malformed'],
  ['a topic with a line break', 'dpu/423\n/events', EVENT, 'malformed'],
  ['a topic of more than 100 levels', '/'.repeat(100), EVENT, 'malformed'],
  ['a very long topic', 'x'.repeat(65_535), EVENT, 'malformed'],
  ['another topic with no payload', 'weather', '', 'malformed'],
];

test.each(QUARANTINED)('%s is quarantined and acknowledged', async (_title, topic, payload, reason) => {
  await using wire = await openWire(broker.port);
  await wire.connect();
  for (const [messageId, qos, answer] of [
    [1, 1, 'puback'],
    [2, 2, 'pubrec'],
  ] as const) {
    wire.send(publishPacket(topic, payload, messageId, { qos }));
    expect(await wire.next()).toMatchObject({ cmd: answer, messageId });
  }
  expect(quarantinedIn(broker.records)).toMatchObject([
    { topic, reason, payload: Buffer.from(payload) },
    { topic, reason },
  ]);
  await wire.ping();
  expect(wire.ended).toBe(false);
});

const CONNECT = generate(connectPacket());
const raw = (...bytes: number[]): Buffer => Buffer.from(bytes);
const publishTo = (topic: string): Buffer => {
  // mqtt-packet would not write such topics.
  const bytes = generate(publishPacket('~'.repeat(topic.length), EVENT, 1));
  return Buffer.from(bytes.toString('latin1').replace('~'.repeat(topic.length), topic), 'latin1');
};

const CLOSED: [title: string, ...packets: (Packet | Buffer)[]][] = [
  ['PUBLISH before CONNECT', publishPacket(TOPIC, EVENT, 1)],
  ['PINGREQ before CONNECT', { cmd: 'pingreq' }],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: footfall\r\n\r\n')],
  ['TLS', raw(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03)],
  ['a second CONNECT', CONNECT, CONNECT],
  ['CONNECT of another protocol', Buffer.from(CONNECT.toString('latin1').replace('MQTT', 'MQTX'), 'latin1')],
  ['CONNECT with the reserved flag', raw(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 3, 0, 0, 0, 0)],
  ['CONNECT that ends too soon', raw(0x10, 4, 0, 4, 0x4d, 0x51)],
  ['CONNECT of no bytes', raw(0x10, 0)],
  [
    'CONNECT whose client id is longer than the packet',
    raw(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0xff, 0xff),
  ],
  ['a remaining length of five bytes before CONNECT', raw(0x10, 0xff, 0xff, 0xff, 0xff, 0x7f)],
  ['a remaining length of five bytes after CONNECT', CONNECT, raw(0x30, 0xff, 0xff, 0xff, 0xff, 0x7f)],
  ['a packet of type 0', CONNECT, raw(0x00, 0)],
  ['a packet of type 15', CONNECT, raw(0xf0, 0)],
  ['CONNACK from a client', CONNECT, raw(0x20, 2, 0, 0)],
  ['PUBLISH with QoS 3', CONNECT, raw(0x36, 5, 0, 1, 0x61, 0, 1)],
  ['PUBLISH of no bytes', CONNECT, raw(0x32, 0)],
  ['PUBLISH whose topic is longer than the packet', CONNECT, raw(0x32, 5, 0xff, 0xff, 0x61, 0, 1)],
  ['PUBLISH without a packet id', CONNECT, raw(0x32, 3, 0, 1, 0x61)],
  ['PUBLISH to no topic', CONNECT, raw(0x32, 4, 0, 0, 0, 1)],
  ['PUBLISH to a topic with NUL', CONNECT, publishPacket('dpu/\0/events', EVENT, 1)],
  ['PUBLISH with packet id 0', CONNECT, raw(0x32, 5, 0, 1, 0x61, 0, 0)],
  ['SUBSCRIBE with packet id 0', CONNECT, raw(0x82, 6, 0, 0, 0, 1, 0x61, 0)],
  ['PUBREL with packet id 0', CONNECT, raw(0x62, 2, 0, 0)],
  ['PUBLISH to a filter with #', CONNECT, publishTo('dpu/#')],
  ['PUBLISH to a filter with +', CONNECT, publishTo('dpu/+/events')],
  ['SUBSCRIBE with wrong flags', CONNECT, raw(0x80, 6, 0, 1, 0, 1, 0x61, 0)],
  ['SUBSCRIBE to nothing', CONNECT, raw(0x82, 5, 0, 1, 0, 0, 0)],
  [
    'SUBSCRIBE to a filter of more than 100 levels',
    CONNECT,
    { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '/'.repeat(100), qos: 0 }] },
  ],
  ['SUBSCRIBE with QoS 3', CONNECT, raw(0x82, 6, 0, 1, 0, 1, 0x61, 3)],
  ['SUBSCRIBE that ends too soon', CONNECT, raw(0x82, 4, 0, 1, 0, 9)],
  ['UNSUBSCRIBE that ends too soon', CONNECT, raw(0xa2, 4, 0, 1, 0, 9)],
  ['PUBREL with wrong flags', CONNECT, raw(0x60, 2, 0, 1)],
];

test.each(CLOSED)('%s closes the connection', async (_title, ...packets) => {
  await using wire = await openWire(broker.port);
  wire.send(...packets);
  await wire.closed();
  expect(wire.received.filter((packet) => packet.cmd !== 'connack')).toEqual([]);
  expect(broker.records).toEqual([]);
});

const HARMLESS: [title: string, ...packets: (Packet | Buffer)[]][] = [
  ['PUBACK of nothing', { cmd: 'puback', messageId: 9 }],
  ['PUBREC of nothing', { cmd: 'pubrec', messageId: 9 }],
  ['PUBCOMP of nothing', { cmd: 'pubcomp', messageId: 9 }],
  ['UNSUBSCRIBE of what was not subscribed', { cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['a'] }],
  [
    'an object’s own names as topics',
    {
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [
        { topic: '__proto__', qos: 1 },
        { topic: 'constructor', qos: 1 },
      ],
    },
  ],
  ['pings by the thousand', Buffer.concat(Array(5000).fill(raw(0xc0, 0)))],
];

test.each(HARMLESS)('%s is let pass', async (_title, ...packets) => {
  await using wire = await openWire(broker.port);
  await wire.connect();
  wire.send(...packets);
  await wire.ping();
  expect(wire.ended).toBe(false);
});

test('a filter with #, and those of the server, are refused with 0x80; others are granted, up to a limit', async () => {
  await using wire = await openWire(broker.port);
  await wire.connect();
  const topics = ['#', 'dpu/#', '$SYS/+', '$share/group/a', 'spaces/+/count', 'dpu/423/commands'];
  wire.send({ cmd: 'subscribe', messageId: 5, subscriptions: topics.map((topic) => ({ topic, qos: 0 })) });
  expect(await wire.next()).toMatchObject({ cmd: 'suback', messageId: 5, granted: [0x80, 0x80, 0x80, 0x80, 0, 0] });
  const many = Array.from({ length: 150 }, (_, index) => ({ topic: `many/${index}`, qos: 0 as const }));
  wire.send({ cmd: 'subscribe', messageId: 6, subscriptions: many });
  const suback = await wire.next();
  expect('granted' in suback && suback.granted.filter((code) => code === 0)).toHaveLength(98);
  wire.send({ cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['many/0'] });
  expect(await wire.next()).toMatchObject({ cmd: 'unsuback', messageId: 7 });
  wire.send({ cmd: 'subscribe', messageId: 8, subscriptions: [{ topic: 'one/more', qos: 0 }] });
  expect(await wire.next()).toMatchObject({ cmd: 'suback', messageId: 8, granted: [0] });
});

test('nothing that is published reaches a subscriber, retained or not, nor does a will', async () => {
  await using subscriber = await openWire(broker.port);
  await subscriber.connect();
  const topics = [TOPIC, 'weather', '+', '+/+/+', '+/+'];
  subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: topics.map((topic) => ({ topic, qos: 1 })) });
  await subscriber.next();
  await using publisher = await openWire(broker.port);
  const will = { topic: 'weather', payload: Buffer.from('gone'), qos: 1 as const, retain: true };
  await publisher.connect({ will });
  publisher.send(
    publishPacket(TOPIC, EVENT, 1, { retain: true }),
    publishPacket('weather', EVENT, 2, { retain: true, qos: 2 }),
  );
  expect((await publisher.next()).messageId).toBe(1);
  expect((await publisher.next()).messageId).toBe(2);
  publisher.send({ cmd: 'pubrel', messageId: 2 });
  await publisher.next();
  publisher.destroy();
  await using late = await openWire(broker.port);
  await late.connect();
  late.send({ cmd: 'subscribe', messageId: 1, subscriptions: topics.map((topic) => ({ topic, qos: 1 })) });
  expect(await late.next()).toMatchObject({ cmd: 'suback' });
  await late.ping();
  await subscriber.ping();
  expect([...late.received, ...subscriber.received]).toEqual([]);
  expect(broker.records).toHaveLength(2);
});
