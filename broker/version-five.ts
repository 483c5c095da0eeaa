// MQTT 5: CONNACK with what is offered, reason codes, and packets that are no publishes.
//
// Not offered, and said so in CONNACK: retaining what clients publish, topic aliases, shared subscriptions and their ids.
import { FAILURE } from './answers.ts';
import type { Connect } from './connect-packet.ts';
import { FrameError, type Header, PACKET, type Refusal } from './frames.ts';
import type { Guard } from './guard.ts';
import type { Limits } from './limits.ts';
import { checkFilters, readNumber, readPacketId } from './packet-rules.ts';
import { ALLOWED, PROPERTY, readProperties } from './properties.ts';

/** Reason codes (MQTT 5, 2.4) of CONNACK and DISCONNECT; what has none here ends without a word. */
const REASONS: Partial<Record<Refusal, number>> = {
  malformed_packet: 0x81,
  protocol_error: 0x82,
  unsupported_version: 0x84,
  identifier_rejected: 0x85,
  wrong_credentials: 0x86,
  not_authorized: 0x87,
  publish_not_authorized: 0x87,
  server_unavailable: 0x88,
  authentication_method: 0x8c,
  keepalive_timeout: 0x8d,
  taken_over: 0x8e,
  receive_maximum: 0x93,
  topic_alias: 0x94,
  packet_too_large: 0x95,
  retain_not_supported: 0x9a,
  too_many_failed_connects: 0x9f,
};
const NOT_AUTHORIZED = 0x87;

/** CONNACK that accepts (MQTT 5, 3.2); there is never a session present [MQTT-3.2.2-2]. */
export function welcome(connect: Connect, clientId: string, limits: Limits): Buffer {
  const { keepaliveS } = connect;
  const isTooSilent = keepaliveS === 0 || keepaliveS > limits.keepaliveMaxS;
  const id = Buffer.from(clientId);
  const properties = [
    Buffer.of(PROPERTY.receiveMaximum, ...split(limits.unansweredMax, 2)),
    Buffer.of(PROPERTY.packetBytesMax, ...split(limits.packetBytesMax, 4)),
    Buffer.of(PROPERTY.retainAvailable, 0),
    Buffer.of(PROPERTY.wildcardsAvailable, 1, PROPERTY.subscriptionIdsAvailable, 0, PROPERTY.sharedAvailable, 0),
    connect.sessionExpiryS > 0 ? Buffer.of(PROPERTY.sessionExpiryS, 0, 0, 0, 0) : Buffer.of(),
    isTooSilent ? Buffer.of(PROPERTY.serverKeepaliveS, ...split(limits.keepaliveMaxS, 2)) : Buffer.of(),
    connect.clientId === '' ? Buffer.of(PROPERTY.assignedClientId, ...split(id.length, 2), ...id) : Buffer.of(),
  ];
  const body = Buffer.concat(properties);
  return Buffer.concat([Buffer.of(PACKET.connack << 4, 3 + body.length, 0, 0, body.length), body]);
}

/** What is said to a client before its connection is closed; null: nothing. */
export function farewell(isAccepted: boolean, refusal: Refusal): Buffer | null {
  const reason = REASONS[refusal];
  if (reason === undefined) return null;
  if (isAccepted) return Buffer.of(PACKET.disconnect << 4, 1, reason);
  return Buffer.of(PACKET.connack << 4, 3, 0, reason, 0);
}

/** Takes a whole packet that is neither CONNECT nor PUBLISH nor PUBREL. Throws FrameError. */
export function takeVersionFive(guard: Guard, bytes: Buffer, { type, bodyAt, end }: Header): void {
  switch (type) {
    case PACKET.pingreq:
      if (end > bodyAt) throw new FrameError('PINGREQ with a body');
      return guard.pinged();
    case PACKET.disconnect:
      if (bodyAt + 1 < end) readProperties(bytes, bodyAt + 1, end, ALLOWED.disconnect);
      return guard.finish();
    case PACKET.puback: {
      if (bodyAt + 3 < end) readProperties(bytes, bodyAt + 3, end, ALLOWED.release);
      // Without a reason code: success [MQTT-3.4.2-1].
      const isTaken = bodyAt + 2 >= end || (bytes[bodyAt + 2] as number) < FAILURE;
      if (guard.acknowledged(readPacketId(bytes, bodyAt, end), isTaken)) return;
      throw new FrameError('PUBACK, which answers nothing that was sent', 'protocol_error');
    }
    case PACKET.subscribe:
      return answerFilters(guard, PACKET.suback, bytes, bodyAt, end);
    case PACKET.unsubscribe:
      return answerFilters(guard, PACKET.unsuback, bytes, bodyAt, end);
    default:
      throw new FrameError(`packet ${type}, which answers nothing that was sent`, 'protocol_error');
  }
}

/** One reason code for each filter [MQTT-3.8.4-6] [MQTT-3.11.3-1]. */
function answerFilters(guard: Guard, answer: number, bytes: Buffer, bodyAt: number, end: number): void {
  const id = readPacketId(bytes, bodyAt, end);
  const { end: filtersAt } = readProperties(bytes, bodyAt + 2, end, ALLOWED.filters);
  const isSubscribe = answer === PACKET.suback;
  checkFilters(bytes, filtersAt, end, isSubscribe ? 0x3f : null);
  const reasons: number[] = [];
  for (let at = filtersAt; at < end; ) {
    const next = at + 2 + readNumber(bytes, at, end);
    const filter = bytes.toString('utf8', at + 2, next);
    const { subscriptions } = guard;
    const reason = isSubscribe
      ? subscriptions?.subscribe(filter, bytes[next] as number)
      : subscriptions?.unsubscribe(filter);
    reasons.push(reason ?? NOT_AUTHORIZED);
    at = isSubscribe ? next + 1 : next;
  }
  const length: number[] = [];
  for (let left = 3 + reasons.length; ; left >>= 7) {
    length.push(left > 0x7f ? (left & 0x7f) | 0x80 : left);
    if (left <= 0x7f) break;
  }
  guard.send(Buffer.of(answer << 4, ...length, ...split(id, 2), 0, ...reasons));
}

function split(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, index) => (value >>> (8 * (bytes - 1 - index))) & 0xff);
}
