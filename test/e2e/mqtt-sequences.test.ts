// Sequences of packets, each with the clause of MQTT 3.1.1 that it tests: what is sent, and what must come back.
import { generate, type Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventsIn, startTestBroker, type TestBroker } from '../support/broker.ts';
import { connectPacket, openWire, publishPacket } from '../support/mqtt-wire.ts';

const TOPIC = 'dpu/423/events';
const EVENT = '{"timestamp":"2018-02-24T08:45:21.893Z","direction":1}';

let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker();
});
afterEach(() => {
  broker.records.length = 0;
});
afterAll(() => broker[Symbol.asyncDispose]());

const raw = (...bytes: number[]): Buffer => Buffer.from(bytes);
const PING: Packet = { cmd: 'pingreq' };
const connect = (options: object = {}): Packet => connectPacket(options);
const publish = (id: number, qos: 0 | 1 | 2 = 1, more: object = {}) =>
  publishPacket(TOPIC, EVENT, id, { qos, ...more });
const subscribe = (...topics: string[]): Packet => ({
  cmd: 'subscribe',
  messageId: 9,
  subscriptions: topics.map((topic) => ({ topic, qos: 1 as const })),
});
const connectThree = (length: number): Packet =>
  connect({ protocolId: 'MQIsdp', protocolVersion: 3, clientId: 'x'.repeat(length) });
const NAME = [0, 4, 0x4d, 0x51, 0x54, 0x54];
/** A CONNECT with these flags and what follows the keepalive. */
const connectOf = (level: number, flags: number, ...rest: number[]): Buffer =>
  raw(0x10, 10 + rest.length, ...NAME, level, flags, 0, 0, ...rest);
const ID_X = [0, 1, 0x78];
const WILL = [0, 1, 0x77, 0, 1, 0x21];
const text = (bytes: number[]): Buffer => raw(0x32, 4 + bytes.length + 1, 0, bytes.length, ...bytes, 0, 1, 0x7b);

/** `closed`: the server closes the connection after the answers before it; else it must still answer a ping. */
const SEQUENCES: [clause: string, what: string, sent: (Packet | Buffer)[], answers: string[]][] = [
  [
    '2.2.3',
    'a remaining length of five bytes',
    [connect(), raw(0x30, 0x80, 0x80, 0x80, 0x80, 1)],
    ['connack 0', 'closed'],
  ],
  [
    '2.2.3',
    'a remaining length written longer than it need be',
    [connect(), raw(0xc0, 0x80, 0)],
    ['connack 0', 'pingresp'],
  ],
  ['MQTT-2.2.2-2', 'PINGREQ with flags', [connect(), raw(0xc1, 0)], ['connack 0', 'closed']],
  ['MQTT-2.2.2-2', 'DISCONNECT with flags', [connect(), raw(0xe1, 0)], ['connack 0', 'closed']],
  ['MQTT-2.2.2-2', 'PUBACK with flags', [connect(), raw(0x42, 2, 0, 1)], ['connack 0', 'closed']],
  ['MQTT-2.2.2-2', 'CONNECT with flags', [raw(0x11, 13, ...NAME, 4, 2, 0, 0, ...ID_X)], ['closed']],
  ['MQTT-2.3.1-1', 'PUBLISH with packet id 0', [connect(), raw(0x32, 5, 0, 1, 0x61, 0, 0)], ['connack 0', 'closed']],
  [
    'MQTT-2.3.1-1',
    'SUBSCRIBE with packet id 0',
    [connect(), raw(0x82, 6, 0, 0, 0, 1, 0x61, 0)],
    ['connack 0', 'closed'],
  ],
  [
    'MQTT-2.3.1-1',
    'UNSUBSCRIBE with packet id 0',
    [connect(), raw(0xa2, 5, 0, 0, 0, 1, 0x61)],
    ['connack 0', 'closed'],
  ],
  [
    'MQTT-2.3.1-1',
    'packet ids 1 and 65535',
    [connect(), publish(1), publish(65_535)],
    ['connack 0', 'puback 1', 'puback 65535'],
  ],
  ['MQTT-1.5.3-1', 'a surrogate in a topic', [connect(), text([0xed, 0xa0, 0x80])], ['connack 0', 'closed']],
  ['MQTT-1.5.3-1', 'an overlong encoding in a topic', [connect(), text([0xc0, 0xaf])], ['connack 0', 'closed']],
  ['MQTT-1.5.3-1', 'a client id that is not UTF-8', [connectOf(4, 2, 0, 1, 0xff)], ['closed']],
  ['MQTT-1.5.3-2', 'NUL in a topic', [connect(), text([0x61, 0, 0x62])], ['connack 0', 'closed']],
  ['MQTT-1.5.3-2', 'NUL in a client id', [connectOf(4, 2, 0, 1, 0)], ['closed']],
  ['MQTT-1.5.3-2', 'NUL in a filter', [connect(), raw(0x82, 6, 0, 1, 0, 1, 0, 0)], ['connack 0', 'closed']],
  ['MQTT-1.5.3-3', 'a byte order mark in a topic', [connect(), text([0xef, 0xbb, 0xbf])], ['connack 0', 'puback 1']],
  ['MQTT-3.1.0-1', 'PUBLISH first', [publish(1)], ['closed']],
  ['MQTT-3.1.0-2', 'CONNECT twice', [connect(), connect()], ['connack 0', 'closed']],
  ['MQTT-3.1.2-1', 'another protocol', [raw(0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x58, 4, 2, 0, 0, ...ID_X)], ['closed']],
  ['MQTT-3.1.2-2', 'protocol level 6', [connectOf(6, 2, ...ID_X)], ['connack 1', 'closed']],
  ['MQTT-3.1.2-2', 'protocol level 2', [connectOf(2, 2, ...ID_X)], ['connack 1', 'closed']],
  ['MQTT-3.1.2-3', 'the reserved flag', [connectOf(4, 3, ...ID_X)], ['closed']],
  ['MQTT-3.1.2-13', 'QoS of a will without a will', [connectOf(4, 0x0a, ...ID_X)], ['closed']],
  ['MQTT-3.1.2-14', 'a will with QoS 3', [connectOf(4, 0x1e, ...ID_X, ...WILL)], ['closed']],
  ['MQTT-3.1.2-15', 'RETAIN of a will without a will', [connectOf(4, 0x22, ...ID_X)], ['closed']],
  ['MQTT-3.1.2-22', 'a password without a user name', [connectOf(4, 0x42, ...ID_X, 0, 1, 0x70)], ['closed']],
  ['3.1.3', 'a will that is announced and not there', [connectOf(4, 6, ...ID_X)], ['closed']],
  ['3.1.3', 'bytes behind the last field', [connectOf(4, 2, ...ID_X, 0)], ['closed']],
  ['MQTT-3.1.3-6', 'no client id, clean', [connectOf(4, 2, 0, 0)], ['connack 0']],
  ['MQTT-3.1.3-8', 'no client id, not clean', [connectOf(4, 0, 0, 0)], ['connack 2', 'closed']],
  ['3.1 of MQTT 3.1', 'a client id of 23 characters', [connectThree(23), subscribe('a')], ['connack 0', 'suback 9 1']],
  ['3.1 of MQTT 3.1', 'a client id of 24 characters', [connectThree(24)], ['connack 2', 'closed']],
  ['MQTT-3.2.2-1', 'session present is 0 with a clean session', [connect({ clean: true })], ['connack 0']],
  ['MQTT-3.2.2-3', 'session present is 0 where none is stored', [connect({ clean: false })], ['connack 0']],
  ['MQTT-3.3.1-2', 'DUP with QoS 0', [connect(), raw(0x38, 3, 0, 1, 0x61)], ['connack 0', 'closed']],
  ['MQTT-3.3.1-4', 'QoS 3', [connect(), raw(0x36, 5, 0, 1, 0x61, 0, 1)], ['connack 0', 'closed']],
  ['MQTT-3.3.2-2', '# in a topic', [connect(), text([0x23])], ['connack 0', 'closed']],
  ['MQTT-3.3.2-2', '+ in a topic', [connect(), text([0x61, 0x2f, 0x2b])], ['connack 0', 'closed']],
  ['MQTT-4.7.3-1', 'an empty topic', [connect(), raw(0x32, 4, 0, 0, 0, 1)], ['connack 0', 'closed']],
  ['MQTT-4.7.3-1', 'an empty filter', [connect(), raw(0x82, 5, 0, 1, 0, 0, 0)], ['connack 0', 'closed']],
  ['MQTT-4.7.1-2', '# that is not last', [connect(), subscribe('a/#/b')], ['connack 0', 'closed']],
  ['MQTT-4.7.1-2', '# with more in its level', [connect(), subscribe('a#')], ['connack 0', 'closed']],
  ['MQTT-4.7.1-3', '+ with more in its level', [connect(), subscribe('a+/b')], ['connack 0', 'closed']],
  ['MQTT-3.8.3-3', 'SUBSCRIBE with no filter', [connect(), raw(0x82, 2, 0, 1)], ['connack 0', 'closed']],
  [
    'MQTT-3-8.3-4',
    'reserved bits of a requested QoS',
    [connect(), raw(0x82, 6, 0, 1, 0, 1, 0x61, 4)],
    ['connack 0', 'closed'],
  ],
  [
    'MQTT-3.8.4-5',
    'a code for each filter, in order',
    [connect(), subscribe('a/+', '#', 'b')],
    ['connack 0', 'suback 9 1,128,1'],
  ],
  [
    '4.6',
    'many SUBSCRIBEs right behind CONNECT, and a PUBLISH',
    [connect(), ...Array.from({ length: 100 }, () => subscribe('a')), publish(1)],
    ['connack 0', 'puback 1', ...Array.from({ length: 100 }, () => 'suback 9 1')],
  ],
  ['MQTT-3.10.3-2', 'UNSUBSCRIBE with no filter', [connect(), raw(0xa2, 2, 0, 1)], ['connack 0', 'closed']],
  [
    'MQTT-3.10.4-5',
    'UNSUBSCRIBE of what there is not',
    [connect(), { cmd: 'unsubscribe', messageId: 8, unsubscriptions: ['a'] }],
    ['connack 0', 'unsuback 8'],
  ],
  ['MQTT-3.12.4-1', 'PINGREQ', [connect(), PING, PING], ['connack 0', 'pingresp', 'pingresp']],
  ['3.12', 'PINGREQ with a body', [connect(), raw(0xc0, 1, 0)], ['connack 0', 'closed']],
  [
    'MQTT-3.14.4-2',
    'nothing is taken behind DISCONNECT',
    [connect(), { cmd: 'disconnect' }, publish(1)],
    ['connack 0', 'closed'],
  ],
  [
    'MQTT-3.14.4-1',
    'DISCONNECT behind publishes',
    [connect(), publish(1), publish(2, 2), { cmd: 'disconnect' }],
    ['connack 0', 'puback 1', 'pubrec 2', 'closed'],
  ],
  ['MQTT-4.3.1-1', 'QoS 0', [connect(), publish(0, 0), publish(1)], ['connack 0', 'puback 1']],
  [
    'MQTT-4.3.2-2',
    'QoS 1, and again with DUP',
    [connect(), publish(1), publish(1, 1, { dup: true })],
    ['connack 0', 'puback 1', 'puback 1'],
  ],
  [
    'MQTT-4.3.3-2',
    'QoS 2: again before PUBREL, released, released again, and the id anew',
    [
      connect(),
      publish(1, 2),
      publish(1, 2, { dup: true }),
      { cmd: 'pubrel', messageId: 1 },
      { cmd: 'pubrel', messageId: 1 },
      publish(1, 2),
    ],
    ['connack 0', 'pubcomp 1', 'pubcomp 1', 'pubrec 1', 'pubrec 1', 'pubrec 1'],
  ],
  [
    'MQTT-4.6.0-2',
    'acknowledgements in the order of the publishes',
    [connect(), publish(5), publish(3), publish(4)],
    ['connack 0', 'puback 5', 'puback 3', 'puback 4'],
  ],
  ['MQTT-4.8.0-1', 'a fault behind good packets', [connect(), PING, raw(0x00, 0)], ['connack 0', 'pingresp', 'closed']],
];

function written(packet: Packet): string {
  if (packet.cmd === 'connack') {
    expect(packet.sessionPresent).toBe(false);
    return `connack ${packet.returnCode}`;
  }
  if (packet.cmd === 'suback') return `suback ${packet.messageId} ${packet.granted}`;
  return packet.messageId === undefined ? packet.cmd : `${packet.cmd} ${packet.messageId}`;
}

test.each(SEQUENCES)('[%s] %s', async (_clause, _what, sent, answers) => {
  for (const pieces of ['whole', 'bytes'] as const) {
    await using wire = await openWire(broker.port);
    const bytes = Buffer.concat(sent.map((packet) => (packet instanceof Uint8Array ? packet : generate(packet))));
    if (pieces === 'whole') wire.send(bytes);
    else for (const byte of bytes) wire.socket.write(Buffer.of(byte));
    const received: string[] = [];
    const closes = answers.at(-1) === 'closed';
    const expected = closes ? answers.slice(0, -1) : answers;
    for (const _ of expected) received.push(written(await wire.next()));
    // PUBREL is answered at once, PUBLISH when it is stored.
    expect(closes ? received : received.toSorted()).toEqual(closes ? expected : expected.toSorted());
    if (closes) await wire.closed();
    else await wire.ping();
    expect(wire.received).toEqual([]);
  }
});

test('[MQTT-4.3.3-2] a QoS 2 publish that comes again before its PUBREL is stored once', async () => {
  await using wire = await openWire(broker.port);
  await wire.connect();
  wire.send(publish(1, 2), publish(1, 2, { dup: true }));
  expect([written(await wire.next()), written(await wire.next())]).toEqual(['pubrec 1', 'pubrec 1']);
  expect(eventsIn(broker.records)).toHaveLength(1);
  wire.send({ cmd: 'pubrel', messageId: 1 }, publish(1, 2));
  expect([written(await wire.next()), written(await wire.next())]).toEqual(['pubcomp 1', 'pubrec 1']);
  expect(eventsIn(broker.records)).toHaveLength(2);
});
