// Frames: where MQTT control packets begin and end in a stream of bytes, and what their first byte may be. Pure.
//
//   frame = first byte (type, flags), remaining length (1 to 4 bytes, 7 bits each, low ones first), remaining bytes

/** Packet types: the upper half of a frame's first byte (MQTT 3.1.1, table 2.1). */
export const PACKET = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
} as const;

/** Why a connection is closed; every refusal is counted under one of these names (they are shown as metrics). */
export const REFUSALS = [
  'malformed_packet',
  'protocol_error',
  'packet_too_large',
  'unsupported_version',
  'identifier_rejected',
  'wrong_credentials',
  'not_authorized',
  'server_unavailable',
  'too_many_failed_connects',
  'authentication_method',
  'retain_not_supported',
  'publish_not_authorized',
  'receive_maximum',
  'topic_alias',
  'taken_over',
  'proxy_header',
  'memory',
  'connect_timeout',
  'keepalive_timeout',
  'drain_timeout',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** What came cannot be, or is not allowed to be, what comes next: the connection must be closed [MQTT-4.8.0-1]. */
export class FrameError extends Error {
  readonly refusal: Refusal;
  constructor(message: string, refusal: Refusal = 'malformed_packet') {
    super(message);
    this.refusal = refusal;
  }
}

/** The fixed header of a frame: its body is from `bodyAt` to `end`. */
export type Header = { type: number; flags: number; bodyAt: number; end: number };

/** Flags that each type must have [MQTT-2.2.2-1]; -1: those of PUBLISH mean something. Types left out are not a client's. */
const FLAGS = new Map<number, number>([
  [PACKET.connect, 0],
  [PACKET.publish, -1],
  [PACKET.puback, 0],
  [PACKET.pubrec, 0],
  [PACKET.pubrel, 2],
  [PACKET.pubcomp, 0],
  [PACKET.subscribe, 2],
  [PACKET.unsubscribe, 2],
  [PACKET.pingreq, 0],
  [PACKET.disconnect, 0],
]);

/** Those of PUBLISH, by the lower half of its first byte. */
const DUPLICATE = 8;
const QOS_BOTH = 6;

/** Above this shift a remaining length would have a fifth byte (MQTT 3.1.1, 2.2.3). */
const LENGTH_SHIFT_MAX = 21;

/** Throws unless a client's packet may begin so. */
export function checkFirstByte(first: number): void {
  const type = first >> 4;
  const flags = first & 0x0f;
  if (type === PACKET.publish) {
    const qos = flags & QOS_BOTH;
    if (qos === QOS_BOTH) throw new FrameError('PUBLISH with QoS 3 [MQTT-3.3.1-4]');
    if (qos === 0 && (flags & DUPLICATE) !== 0) throw new FrameError('DUP with QoS 0 [MQTT-3.3.1-2]');
    return;
  }
  const expected = FLAGS.get(type);
  if (expected === undefined) throw new FrameError(`packet of type ${type}, which no client sends`);
  if (flags !== expected) throw new FrameError(`packet ${type} with flags ${flags} [MQTT-2.2.2-2]`);
}

/** Reads the fixed header at `at` into `header`; false: its end has not come yet. */
export function readHeader(bytes: Uint8Array, at: number, header: Header): boolean {
  let length = 0;
  for (let shift = 0, next = at + 1; next < bytes.length; shift += 7, next++) {
    const byte = bytes[next] as number;
    length += (byte & 0x7f) << shift;
    if ((byte & 0x80) !== 0) {
      // The fourth byte must be the last one; what comes next need not be waited for.
      if (shift === LENGTH_SHIFT_MAX) throw new FrameError('remaining length of more than four bytes');
      continue;
    }
    const first = bytes[at] as number;
    header.type = first >> 4;
    header.flags = first & 0x0f;
    header.bodyAt = next + 1;
    header.end = next + 1 + length;
    return true;
  }
  return false;
}
