// The packets between the gateway and another broker, those of publishes left out, and what that broker's refusals mean. Pure.
import { generate, type Packet, parser } from 'mqtt-packet';
import { GATEWAY_GROUP, type GatewayConfig } from '../shared/gateway-config.ts';
import { FrameError, PACKET } from './frames.ts';

export type Version = 4 | 5;

/** How a connection ended, and what to do about it. */
export type Ended = {
  readonly why: string;
  /** The other broker said no: somebody has to do something. */
  readonly isRefused: boolean;
  /** It does not speak this version of MQTT. */
  readonly isVersion: boolean;
};

/** How long the other broker waits for a sign of life, s: soon enough to notice a dead connection, seldom enough to cost nothing. */
export const KEEPALIVE_S = 30;
/** What may be under way to an MQTT 5 client: a fifth of a second of 50,000 a second, and little memory over there. */
export const RECEIVE_MAX = 10_000;
/** A session that never expires (MQTT 5, 3.1.2.11.2). */
const NEVER = 0xffff_ffff;
const SUBSCRIBE_ID = 1;
const UNSUBSCRIBE_ID = 2;
const EVENTS_FILTER = 'dpu/+/events';

export const PINGREQ = Buffer.from([PACKET.pingreq << 4, 0]);
export const DISCONNECT = Buffer.from([PACKET.disconnect << 4, 0]);

export function connectBytes({ clientId, username, password }: GatewayConfig, version: Version): Buffer {
  const five = { properties: { sessionExpiryInterval: NEVER, receiveMaximum: RECEIVE_MAX } };
  const connect: Packet = {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: version,
    clientId,
    clean: false,
    keepalive: KEEPALIVE_S,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password: Buffer.from(password) }),
    ...(version === 5 ? five : {}),
  };
  return generate(connect);
}

/** QoS 1, so that what was published with QoS 2 comes with QoS 1 too: an event is known by its identity. */
export function subscribeBytes(config: GatewayConfig, version: Version): Buffer {
  const subscription = { topic: filterOf(config), qos: 1 } as const;
  // Retained messages are not wanted: they were events once, and came then.
  const five = version === 5 ? { nl: false, rap: false, rh: 2 } : {};
  const packet: Packet = { cmd: 'subscribe', messageId: SUBSCRIBE_ID, subscriptions: [{ ...subscription, ...five }] };
  return generate(packet, { protocolVersion: version });
}

/** A session that was begun with the other kind of subscription would have everything delivered twice. */
export function unsubscribeBytes({ group }: GatewayConfig, version: Version): Buffer {
  const other = filterFor(group === null ? GATEWAY_GROUP : null);
  return generate(
    { cmd: 'unsubscribe', messageId: UNSUBSCRIBE_ID, unsubscriptions: [other] },
    { protocolVersion: version },
  );
}

export function filterOf({ group }: GatewayConfig): string {
  return filterFor(group);
}

function filterFor(group: string | null): string {
  return group === null ? EVENTS_FILTER : `$share/${group}/${EVENTS_FILTER}`;
}

/** Throws unless a server's packet may begin so [MQTT-2.2.2-2]. */
export function checkServersFirstByte(first: number): void {
  const type = first >> 4;
  const flags = first & 0x0f;
  if (type === PACKET.publish) {
    if ((flags & 6) === 6) throw new FrameError('PUBLISH with QoS 3 [MQTT-3.3.1-4]');
  } else if (!FLAGS.has(type) || FLAGS.get(type) !== flags) {
    throw new FrameError(`packet ${type} with flags ${flags}, which no server sends`);
  }
}

const FLAGS = new Map<number, number>([
  [PACKET.connack, 0],
  [PACKET.pubrel, 2],
  [PACKET.suback, 0],
  [PACKET.unsuback, 0],
  [PACKET.pingresp, 0],
  [PACKET.disconnect, 0],
]);

export type Welcome = {
  readonly refused: Ended | null;
  readonly isResumed: boolean;
  readonly keepaliveS: number;
  readonly isSharing: boolean;
};

/** CONNACK; a server that does not know MQTT 5 answers in the form of 3.1.1. */
export function readWelcome(frame: Buffer, version: Version): Welcome {
  const isShort = frame.length === 4;
  const packet = decode(frame, isShort ? 4 : version);
  if (packet.cmd !== 'connack') throw new FrameError('no CONNACK');
  const code = packet.reasonCode ?? packet.returnCode ?? 0;
  const { serverKeepAlive, sharedSubscriptionAvailable } = packet.properties ?? {};
  return {
    refused: code === 0 ? null : refusalOf(code),
    isResumed: packet.sessionPresent,
    keepaliveS: serverKeepAlive || KEEPALIVE_S,
    isSharing: sharedSubscriptionAvailable !== false,
  };
}

/** SUBACK: the QoS that is granted, or why it is refused. */
export function readGrant(frame: Buffer, version: Version, config: GatewayConfig): number | string {
  const packet = decode(frame, version);
  if (packet.cmd !== 'suback') throw new FrameError('no SUBACK');
  const code = Number(packet.granted[0]);
  if (code < FAILURE) return code;
  const reason = SUBSCRIBE_REASONS.get(code) ?? 'not allowed';
  return `${refusedFilter(config)}: ${reason} (0x${code.toString(16)})`;
}

export function refusedFilter(config: GatewayConfig): string {
  const alone = 'or set FOOTFALL_GATEWAY_GROUP=none if it has no shared subscriptions';
  const way = config.group === null ? '' : `, ${alone}`;
  return `it refuses the subscription to ${filterOf(config)}; let this user read ${EVENTS_FILTER} there${way}`;
}

/** Why an MQTT 5 server ends the connection. */
export function readFarewell(frame: Buffer): Pick<Ended, 'why' | 'isRefused'> {
  const code = frame.length > 2 ? (frame[2] as number) : 0;
  const why = FAREWELLS.get(code) ?? `it ended the connection (0x${code.toString(16)})`;
  return { why, isRefused: code === TAKEN_OVER };
}

const FAILURE = 0x80;
const TAKEN_OVER = 0x8e;
const VERSION_CODES: ReadonlySet<number> = new Set([1, 0x84]);

const IDENTIFIER = 'it refuses the client id; set FOOTFALL_GATEWAY_CLIENT_ID to one that it allows';
const CREDENTIALS = 'it refuses user and password; set them in FOOTFALL_GATEWAY_URL: mqtt://user:password@host';
const AUTHORIZATION =
  'this user may not connect with this client id; allow it there, or set FOOTFALL_GATEWAY_CLIENT_ID';
const AWAY = 'it takes no connections at the moment';

/** Return codes of MQTT 3.1.1 (table 3.1), reason codes of MQTT 5 (table 3-1). */
const CONNECT_REASONS = new Map<number, string>([
  [1, 'it does not speak this version of MQTT'],
  [2, IDENTIFIER],
  [3, AWAY],
  [4, CREDENTIALS],
  [5, `${CREDENTIALS}, or ${AUTHORIZATION}`],
  [0x84, 'it does not speak this version of MQTT'],
  [0x85, IDENTIFIER],
  [0x86, CREDENTIALS],
  [0x87, `${CREDENTIALS}, or ${AUTHORIZATION}`],
  [0x88, AWAY],
  [0x89, AWAY],
  [0x8a, 'it has barred this client'],
  [0x97, 'a quota over there is used up'],
  [0x9c, 'it wants another server to be used; change FOOTFALL_GATEWAY_URL'],
  [0x9d, 'it has moved; change FOOTFALL_GATEWAY_URL'],
  [0x9f, 'it was connected to too often'],
]);

/** MQTT 5, table 3-8. */
const SUBSCRIBE_REASONS = new Map<number, string>([
  [0x87, 'not authorized'],
  [0x8f, 'no good filter'],
  [0x97, 'a quota over there is used up'],
  [0x9e, 'it has no shared subscriptions'],
  [0xa2, 'it has no wildcards in subscriptions'],
]);

/** MQTT 5, table 3-10. */
const FAREWELLS = new Map<number, string>([
  [0x8b, 'it shuts down'],
  [0x8d, 'it has heard nothing for too long'],
  [TAKEN_OVER, 'another client took over the client id; give each footfall a FOOTFALL_GATEWAY_CLIENT_ID of its own'],
  [0x98, 'somebody ended the connection over there'],
]);

function refusalOf(code: number): Ended {
  const why = `${CONNECT_REASONS.get(code) ?? 'it refuses the connection'} (0x${code.toString(16)})`;
  return { why, isRefused: true, isVersion: VERSION_CODES.has(code) };
}

/** The one packet in `frame`. */
function decode(frame: Buffer, version: Version): Packet {
  const packets: Packet[] = [];
  const reader = parser({ protocolVersion: version });
  reader.on('packet', (packet) => packets.push(packet));
  reader.on('error', (error) => {
    throw new FrameError(error.message);
  });
  reader.parse(frame);
  const [packet] = packets;
  if (packet === undefined) throw new FrameError('half a packet');
  return packet;
}
