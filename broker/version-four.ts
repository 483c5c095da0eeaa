// What MQTT 3.1.1 makes of packets that are no publishes: CONNECT, pings and the end are dealt with here, the rest is aedes'.
import { FrameError, type Header, PACKET, type Refusal } from './frames.ts';
import type { Guard } from './guard.ts';
import { checkFilters, readPacketId } from './packet-rules.ts';

/** CONNACK that accepts; there is never a session present [MQTT-3.2.2-1] [MQTT-3.2.2-3]. */
export const WELCOME = connack(0);
/** Return codes of CONNACK (MQTT 3.1.1, table 3.1); what has none here ends without a word. */
const RETURN_CODES: Partial<Record<Refusal, number>> = {
  unsupported_version: 1,
  identifier_rejected: 2,
  server_unavailable: 3,
  wrong_credentials: 4,
  not_authorized: 5,
};

/** Takes a whole packet that is neither CONNECT nor PUBLISH nor PUBREL; true: aedes is to have it. Throws FrameError. */
export function takeVersionFour(guard: Guard, bytes: Buffer, { type, bodyAt, end }: Header): boolean {
  switch (type) {
    case PACKET.pingreq:
      if (end > bodyAt) throw new FrameError('PINGREQ with a body');
      guard.pinged();
      return false;
    case PACKET.disconnect:
      if (end > bodyAt) throw new FrameError('DISCONNECT with a body');
      guard.finish(); // [MQTT-3.14.4-1]
      return false;
    case PACKET.puback:
      if (end !== bodyAt + 2) throw new FrameError('PUBACK is a packet identifier');
      guard.acknowledged(readPacketId(bytes, bodyAt, end), true);
      return false;
    case PACKET.subscribe:
      readPacketId(bytes, bodyAt, end);
      checkFilters(bytes, bodyAt + 2, end, 3);
      return true;
    case PACKET.unsubscribe:
      readPacketId(bytes, bodyAt, end);
      checkFilters(bytes, bodyAt + 2, end, null);
      return true;
    default:
      readPacketId(bytes, bodyAt, end);
      return true;
  }
}

/** What is said to a client before its connection is closed; null: nothing [MQTT-3.2.2-5]. */
export function farewell(isAccepted: boolean, refusal: Refusal): Buffer | null {
  const code = isAccepted ? undefined : RETURN_CODES[refusal];
  return code === undefined ? null : connack(code);
}

function connack(returnCode: number): Buffer {
  return Buffer.of(PACKET.connack << 4, 2, 0, returnCode);
}
