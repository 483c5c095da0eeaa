// MQTT 5 for publishers: what is offered and said, reason codes, and that real clients of version 5 get their events in.
import { connectAsync } from 'mqtt';
import { generate, type IConnectPacket, type Packet } from 'mqtt-packet';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { LIMITS } from '../../broker/limits.ts';
import { eventsIn, quarantinedIn, startTestBroker, type TestBroker } from '../support/broker.ts';
import { connectPacket, openWire, type Wire } from '../support/mqtt-wire.ts';

const FIVE = { protocolVersion: 5 } as const;
const TOPIC = 'dpu/423/events';
const EVENT = '{"timestamp":"2018-02-24T08:45:21.893Z","direction":1}';

let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker();
});
beforeEach(() => {
  broker.records.length = 0;
});
afterAll(() => broker[Symbol.asyncDispose]());

const open = () => openWire(broker.port, undefined, FIVE);
const five = (packet: Packet): Buffer => generate(packet, FIVE);
const connect = (options: Partial<IConnectPacket> = {}) => five(connectPacket({ ...FIVE, ...options }));
const publish = (topic: string, payload: string, messageId: number, more: object = {}) =>
  five({ cmd: 'publish', topic, payload, messageId, qos: 1, dup: false, retain: false, ...more });

async function connected(options: Partial<IConnectPacket> = {}): Promise<Wire> {
  const wire = await open();
  wire.send(connect(options));
  expect(await wire.next()).toMatchObject({ cmd: 'connack', reasonCode: 0, sessionPresent: false });
  return wire;
}

test('CONNACK says what is offered', async () => {
  await using wire = await open();
  wire.send(connect({ clientId: '', keepalive: 0, clean: true, properties: { sessionExpiryInterval: 60 } }));
  expect(await wire.next()).toMatchObject({
    cmd: 'connack',
    reasonCode: 0,
    sessionPresent: false,
    properties: {
      receiveMaximum: LIMITS.unansweredMax,
      maximumPacketSize: LIMITS.packetBytesMax,
      retainAvailable: false,
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifiersAvailable: false,
      sharedSubscriptionAvailable: false,
      sessionExpiryInterval: 0,
      serverKeepAlive: LIMITS.keepaliveMaxS,
      assignedClientIdentifier: expect.stringMatching(/^assigned-/),
    },
  });
});

test('PUBLISH with QoS 0, 1 and 2, with properties and without, is stored and answered', async () => {
  await using wire = await connected();
  const properties = { messageExpiryInterval: 60, contentType: 'application/json', userProperties: { a: ['b', 'c'] } };
  wire.send(
    publish(TOPIC, EVENT, 0, { qos: 0 }),
    publish(TOPIC, EVENT, 1, { properties }),
    publish(TOPIC, EVENT, 2, { qos: 2, properties }),
  );
  expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 1, reasonCode: 0 });
  expect(await wire.next()).toMatchObject({ cmd: 'pubrec', messageId: 2, reasonCode: 0 });
  wire.send(five({ cmd: 'pubrel', messageId: 2 }), five({ cmd: 'pubrel', messageId: 2 }));
  expect(await wire.next()).toMatchObject({ cmd: 'pubcomp', messageId: 2, reasonCode: 0 });
  expect(await wire.next()).toMatchObject({ cmd: 'pubcomp', messageId: 2, reasonCode: 0x92 });
  expect(eventsIn(broker.records)).toHaveLength(3);
});

test('what is quarantined is acknowledged with a reason, in its turn, and is not to be sent again', async () => {
  await using wire = await connected();
  const tooLong = EVENT.padEnd(LIMITS.packetBytesMax, ' ');
  wire.send(
    publish(TOPIC, '{', 1),
    publish('elsewhere', EVENT, 2),
    publish('dpu/999/events', EVENT, 3),
    publish(TOPIC, `[${EVENT},7]`, 4),
    publish(TOPIC, tooLong, 5),
    publish(TOPIC, '{', 6, { qos: 2 }),
    publish(TOPIC, EVENT, 7),
  );
  const reasons: [number | undefined, number | undefined][] = [];
  while (reasons.length < 7) {
    const packet = await wire.next();
    reasons.push([packet.messageId, (packet as { reasonCode?: number }).reasonCode]);
  }
  expect(reasons).toEqual([
    [1, 0x99],
    [2, 0x90],
    [3, 0x10],
    [4, 0],
    [5, 0x97],
    [6, 0x99],
    [7, 0],
  ]);
  expect(quarantinedIn(broker.records)).toHaveLength(6);
});

test('subscriptions are granted or refused in their SUBACK, ended in their UNSUBACK, and pings are answered', async () => {
  await using wire = await connected();
  wire.send(
    five({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [
        { topic: 'a', qos: 2 },
        { topic: 'dpu/423/commands', qos: 0 },
        { topic: 'dpu/+/commands', qos: 1 },
        { topic: '#', qos: 0 },
        { topic: 'spaces/+/count', qos: 1, rh: 2 },
      ],
    }),
    five({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a', 'b'] }),
    five({ cmd: 'pingreq' }),
  );
  expect(await wire.next()).toMatchObject({ cmd: 'suback', messageId: 1, granted: [1, 0, 0x87, 0x87, 0x83] });
  expect(await wire.next()).toMatchObject({ cmd: 'unsuback', messageId: 2, granted: [0, 0x11] });
  expect(await wire.next()).toMatchObject({ cmd: 'pingresp' });
  const many = Array.from({ length: 150 }, (_, index) => ({ topic: `many/${index}`, qos: 0 as const }));
  wire.send(five({ cmd: 'subscribe', messageId: 3, subscriptions: many }));
  const suback = await wire.next();
  expect('granted' in suback && suback.granted.filter((code) => code === 0x97)).toHaveLength(51);
});

const raw = (...bytes: number[]) => Buffer.from(bytes);
const MQTT5 = [0, 4, 0x4d, 0x51, 0x54, 0x54, 5];
const REFUSED: [title: string, reason: number, connect: () => Buffer][] = [
  ['malformed properties', 0x81, () => raw(0x10, 13, ...MQTT5, 2, 0, 0, 9, 0, 0)],
  ['a property that there is not', 0x81, () => raw(0x10, 15, ...MQTT5, 2, 0, 0, 2, 0x7f, 0, 0, 0)],
  ['the reserved flag [MQTT-3.1.2-3]', 0x81, () => raw(0x10, 13, ...MQTT5, 3, 0, 0, 0, 0, 0)],
  ['a receive maximum of 0', 0x82, () => raw(0x10, 16, ...MQTT5, 2, 0, 0, 3, 0x21, 0, 0, 0, 0)],
  ['a property twice', 0x82, () => raw(0x10, 19, ...MQTT5, 2, 0, 0, 6, 0x21, 0, 1, 0x21, 0, 1, 0, 0)],
  ['enhanced authentication', 0x8c, () => connect({ properties: { authenticationMethod: 'SCRAM' } })],
  [
    'a retained will [MQTT-3.2.2-13]',
    0x9a,
    () => connect({ will: { topic: 'a', payload: Buffer.of(1), qos: 0, retain: true } }),
  ],
];
test.each(REFUSED)('CONNECT with %s is refused with %i', async (_title, reasonCode, bytes) => {
  await using wire = await open();
  wire.send(bytes());
  expect(await wire.next()).toMatchObject({ cmd: 'connack', reasonCode });
  await wire.closed();
});

const ENDED: [title: string, reason: number, packet: Buffer][] = [
  ['a retained PUBLISH [MQTT-3.2.2-14]', 0x9a, publish(TOPIC, EVENT, 1, { retain: true })],
  ['a topic alias [MQTT-3.3.2-9]', 0x94, publish(TOPIC, EVENT, 1, { properties: { topicAlias: 1 } })],
  ['a second CONNECT [MQTT-3.1.0-2]', 0x82, connect()],
  ['PUBLISH with a subscription identifier', 0x82, raw(0x32, 8, 0, 1, 0x61, 0, 1, 2, 0x01, 0x01).fill(0x11, 8, 9)],
  ['PUBLISH with packet id 0', 0x81, raw(0x32, 6, 0, 1, 0x61, 0, 0, 0)],
  ['PUBACK of nothing', 0x82, raw(0x40, 2, 0, 1)],
  ['AUTH', 0x81, raw(0xf0, 0)],
  ['SUBSCRIBE of 200 MB', 0x95, raw(0x82, 0x80, 0x80, 0x80, 0x5f)],
];
test.each(ENDED)('%s ends the connection with %i', async (_title, reasonCode, packet) => {
  await using wire = await connected();
  wire.send(packet);
  expect(await wire.next()).toMatchObject({ cmd: 'disconnect', reasonCode });
  await wire.closed();
});

test('more publishes than the receive maximum end the connection with 0x93 [MQTT-3.3.4-9]', async () => {
  await using wire = await connected();
  broker.hold();
  wire.send(...Array.from({ length: LIMITS.unansweredMax + 1 }, (_, index) => publish(TOPIC, EVENT, index + 1)));
  expect(await wire.next()).toMatchObject({ cmd: 'disconnect', reasonCode: 0x93 });
  broker.release();
});

test('the same client id again, in either version, takes the place of the first', async () => {
  await using first = await connected({ clientId: 'twice' });
  await using second = await connected({ clientId: 'twice' });
  expect(await first.next()).toMatchObject({ cmd: 'disconnect', reasonCode: 0x8e });
  await first.closed();
  await using third = await openWire(broker.port);
  await third.connect({ clientId: 'twice' });
  await second.closed();
  await using fourth = await connected({ clientId: 'twice' });
  await third.closed();
  fourth.send(five({ cmd: 'pingreq' }));
  expect(await fourth.next()).toMatchObject({ cmd: 'pingresp' });
});

test('DISCONNECT with a reason and properties ends the connection once everything is answered', async () => {
  await using wire = await connected();
  wire.send(publish(TOPIC, EVENT, 1), raw(0xe0, 9, 0x04, 7, 0x1f, 0, 4, 0x67, 0x6f, 0x6e, 0x65));
  expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  await wire.closed();
});

test.each([0, 1, 2] as const)('MQTT.js of version 5 publishes with QoS %i', async (qos) => {
  const client = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, FIVE);
  await Promise.all(Array.from({ length: 50 }, () => client.publishAsync(TOPIC, EVENT, { qos })));
  await client.endAsync();
  await broker.until(() => eventsIn(broker.records).length === 50);
});
