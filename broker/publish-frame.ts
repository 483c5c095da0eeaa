// PUBLISH as the broker writes it to a client. Pure.
import { PACKET } from './frames.ts';

export type Publication = {
  readonly topic: string;
  readonly payload: string;
  /** The client has just subscribed, and this was so before [MQTT-3.3.1-8]. */
  readonly isRetained: boolean;
  /** Of QoS 1; null: QoS 0, which has none [MQTT-2.3.1-5]. */
  readonly packetId: number | null;
};

/** Bytes before the topic, and between it and the payload, at most. */
const HEADER_BYTES_MAX = 9;

/** For a client that speaks MQTT of `level`; 5 has properties, of which there are none. */
export function encodePublish({ topic, payload, isRetained, packetId }: Publication, level = 4): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const propertiesBytes = level === 5 ? 1 : 0;
  const remaining = 2 + topicBytes + (packetId === null ? 0 : 2) + propertiesBytes + Buffer.byteLength(payload);
  const bytes = Buffer.allocUnsafe(remaining + HEADER_BYTES_MAX);
  let at = bytes.writeUInt8((PACKET.publish << 4) | (packetId === null ? 0 : 2) | Number(isRetained));
  for (let left = remaining; ; left = Math.floor(left / 128)) {
    at = bytes.writeUInt8(left > 127 ? (left % 128) | 128 : left, at);
    if (left <= 127) break;
  }
  at = bytes.writeUInt16BE(topicBytes, at);
  at += bytes.write(topic, at);
  if (packetId !== null) at = bytes.writeUInt16BE(packetId, at);
  if (level === 5) at = bytes.writeUInt8(0, at);
  at += bytes.write(payload, at);
  return bytes.subarray(0, at);
}
