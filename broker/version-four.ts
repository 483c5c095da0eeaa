// What MQTT 3.1.1 makes of packets that are no publishes: pings and the end are dealt with here, the rest is aedes'.
import { FrameError, type Header, PACKET } from './frames.ts';
import type { Guard } from './guard.ts';
import { checkFilters, readPacketId } from './packet-rules.ts';

const PINGRESP = Buffer.from([PACKET.pingresp << 4, 0]);

/** Takes the whole packet from `at` to the end that `header` says. Throws FrameError. */
export function takeVersionFour(guard: Guard, bytes: Buffer, at: number, { type, bodyAt, end }: Header): void {
  switch (type) {
    case PACKET.pingreq:
      if (end > bodyAt) throw new FrameError('PINGREQ with a body');
      guard.alive();
      return guard.send(PINGRESP); // [MQTT-3.12.4-1]
    case PACKET.disconnect:
      if (end > bodyAt) throw new FrameError('DISCONNECT with a body');
      return guard.finish(); // [MQTT-3.14.4-1]
    case PACKET.subscribe:
      checkFilters(bytes, bodyAt, end, 1);
      break;
    case PACKET.unsubscribe:
      checkFilters(bytes, bodyAt, end, 0);
      break;
    default:
      readPacketId(bytes, bodyAt, end);
  }
  guard.toAedes(bytes.subarray(at, end));
}
