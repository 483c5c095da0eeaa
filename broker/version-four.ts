// What MQTT 3.1.1 makes of packets that are no publishes: pings and the end are dealt with here, the rest is aedes'.
import { FrameError, type Header, PACKET, type Refusal } from './frames.ts';
import type { Guard } from './guard.ts';
import { checkFilters, readPacketId } from './packet-rules.ts';

/** CONNACK with return code 1, unacceptable protocol version (MQTT 3.1.1, table 3.1). */
const WRONG_LEVEL = Buffer.from([PACKET.connack << 4, 2, 0, 1]);
const PINGRESP = Buffer.from([PACKET.pingresp << 4, 0]);

/** Takes a whole packet that is neither CONNECT nor PUBLISH nor PUBREL; true: aedes is to have it. Throws FrameError. */
export function takeVersionFour(guard: Guard, bytes: Buffer, { type, bodyAt, end }: Header): boolean {
  switch (type) {
    case PACKET.pingreq:
      if (end > bodyAt) throw new FrameError('PINGREQ with a body');
      guard.alive();
      guard.send(PINGRESP); // [MQTT-3.12.4-1]
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

/** What is said to a client before its connection is closed; null: nothing. */
export function farewell(refusal: Refusal): Buffer | null {
  return refusal === 'unsupported_version' ? WRONG_LEVEL : null;
}
