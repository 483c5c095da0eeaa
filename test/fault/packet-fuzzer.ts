// Packets that are almost right: good ones of both versions, in any order, bent here and there. The same for the same seed.
import { generate, type Packet } from 'mqtt-packet';
import type { Random } from './seed.ts';

const PAYLOADS = [
  '{"timestamp":"2018-02-24T08:45:21.893Z","direction":1}',
  '[]',
  '',
  '{',
  '[{"timestamp":1519461921893,"direction":-1,"seq":3}]',
];
const TOPICS = ['dpu/423/events', 'dpu/999/events', 'weather', 'dpu//events', 'dpu/423/commands'];

const good: ((random: Random) => Packet)[] = [
  (random) => ({
    cmd: 'publish',
    topic: random.pick(TOPICS),
    payload: random.pick(PAYLOADS),
    qos: random.pick([0, 1, 1, 2] as const),
    messageId: 1 + random.below(65_535),
    dup: false,
    retain: random.chance(0.1),
  }),
  () => ({ cmd: 'pingreq' }),
  (random) => ({ cmd: 'pubrel', messageId: 1 + random.below(100) }),
  () => ({ cmd: 'subscribe', messageId: 7, subscriptions: [{ topic: 'dpu/423/commands', qos: 1 }] }),
  () => ({ cmd: 'unsubscribe', messageId: 8, unsubscriptions: ['dpu/423/commands'] }),
  () => ({ cmd: 'puback', messageId: 9 }),
];

/** A connection's worth: CONNECT, then `count` packets, each bent with the chance `bent`. */
export function fuzzConnection(random: Random, count: number, bent: number, clientId: string): Buffer {
  const protocolVersion = random.chance(0.5) ? 4 : 5;
  const connect: Packet = { cmd: 'connect', protocolId: 'MQTT', protocolVersion, clientId, clean: true, keepalive: 0 };
  const packets = [generate(connect, { protocolVersion })];
  if (random.chance(0.1)) packets[0] = bend(packets[0] as Buffer, random);
  for (let index = 0; index < count; index++) {
    const packet = generate(random.pick(good)(random), { protocolVersion });
    packets.push(random.chance(bent) ? bend(packet, random) : packet);
  }
  return Buffer.concat(packets);
}

function bend(packet: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(packet);
  const at = random.below(bytes.length);
  switch (random.below(5)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      return bytes;
    case 1:
      bytes[at] = random.below(256);
      return bytes;
    case 2:
      return bytes.subarray(0, at);
    case 3:
      return Buffer.concat([bytes, Buffer.from(Array.from({ length: 1 + random.below(8) }, () => random.below(256)))]);
    default:
      // A length that is not its own.
      bytes[1] = random.below(128);
      return bytes;
  }
}
