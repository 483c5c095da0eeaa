// Packets that come in pieces, or have to wait, while others are read: what one connection sends never gets into another's.
import { generate } from 'mqtt-packet';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { LIMITS } from '../../broker/limits.ts';
import { eventsIn, quarantinedIn, startTestBroker, type TestBroker } from '../support/broker.ts';
import { openWire, publishPacket, type Wire } from '../support/mqtt-wire.ts';

let broker: TestBroker;
/** Overwrites whatever the broker has read into and not taken care of. */
let other: Wire;

beforeAll(async () => {
  broker = await startTestBroker();
  other = await openWire(broker.port);
  await other.connect();
});

beforeEach(() => {
  broker.records.length = 0;
});

afterAll(() => broker[Symbol.asyncDispose]());

const OTHERS_TOPIC = 'dpu/283/events';
const event = (ms: number, direction: 1 | -1) => `{"timestamp":${1_519_461_921_000 + ms},"direction":${direction}}`;
const times = () => eventsIn(broker.records).map(({ timestampMs, direction }) => [timestampMs % 1000, direction]);

/** Has the broker read more from the other connection than it reads at once; what was sent before has been read then. */
async function overwrite(): Promise<void> {
  other.send(publishPacket(OTHERS_TOPIC, 'x'.repeat(150_000), 9));
  expect(await other.next()).toMatchObject({ cmd: 'puback', messageId: 9 });
}

test('a PUBLISH in pieces of any length is put together from its own', async () => {
  await using wire = await openWire(broker.port);
  await wire.connect();
  const packet = generate(publishPacket('dpu/423/events', `[${event(1, 1)},${event(2, -1)}]`, 7));
  for (const cut of [1, 2, 3, 10, 20, packet.length - 1]) {
    broker.records.length = 0;
    wire.send(packet.subarray(0, cut));
    await overwrite();
    wire.send(packet.subarray(cut));
    expect(await wire.next(), `cut at ${cut}`).toMatchObject({ cmd: 'puback', messageId: 7 });
    expect(times(), `cut at ${cut}`).toEqual([
      [1, 1],
      [2, -1],
    ]);
  }
});

test('the rest of a piece, behind whole packets, is kept too', async () => {
  await using wire = await openWire(broker.port);
  await wire.connect();
  const [first, second, third] = [1, 2, 3].map((ms) => generate(publishPacket('dpu/423/events', event(ms, 1), ms))) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  wire.send(first, second.subarray(0, 12));
  await overwrite();
  wire.send(second.subarray(12), third.subarray(0, 5));
  await overwrite();
  wire.send(third.subarray(5));
  for (const messageId of [1, 2, 3]) expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId });
  expect(times()).toEqual([1, 2, 3].map((ms) => [ms, 1]));
});

test('what waits behind too many unanswered publishes comes through as it was sent', async () => {
  await using wire = await openWire(broker.port);
  await wire.connect();
  const count = LIMITS.unansweredMax + 100;
  wire.send(
    ...Array.from({ length: count }, (_, index) => publishPacket('dpu/423/events', event(index % 1000, 1), 1 + index)),
  );
  await overwrite();
  for (let messageId = 1; messageId <= count; messageId++) {
    expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId });
  }
  expect(times()).toEqual(Array.from({ length: count }, (_, index) => [index % 1000, 1]));
});

test('a SUBSCRIBE that waits until it can be served is the one that was sent', async () => {
  await using wire = await openWire(broker.port);
  await wire.connect();
  const subscriptions = Array.from({ length: 20 }, (_, index) => ({
    topic: `spaces/s${index}/count`,
    qos: 0 as const,
  }));
  wire.send({ cmd: 'subscribe', messageId: 5, subscriptions });
  // Read in the same turn.
  await overwrite();
  expect(await wire.next()).toMatchObject({ cmd: 'suback', messageId: 5, granted: Array(20).fill(0) });
});

test('what is quarantined is what was sent', async () => {
  await using wire = await openWire(broker.port);
  await wire.connect();
  wire.send(publishPacket('dpu/423/events', '{"timestamp":"never","direction":1}', 3));
  await overwrite();
  expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 3 });
  expect(quarantinedIn(broker.records).map(({ payload }) => Buffer.from(payload).toString())).toContain(
    '{"timestamp":"never","direction":1}',
  );
});
