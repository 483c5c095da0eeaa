// PUBLISH packets of one device, made once, with where the load generator writes packet id and timestamps.
import { generate } from 'mqtt-packet';

/** `2026-11-23T09:43:20.123Z` */
const TIMESTAMP_BYTES = 24;

/** Two in, one out. `index` counts the events of one device: over its messages, or within an array. */
export function directionOf(index: number): 1 | -1 {
  return index % 3 === 2 ? -1 : 1;
}

export type PublishTemplate = {
  readonly packet: Buffer;
  readonly idAt: number;
  readonly timestampsAt: readonly number[];
};

/** A QoS 1 PUBLISH on `dpu/<dpuId>/events`: one event, or an array when there are several directions. */
export function publishTemplate(dpuId: string, directions: readonly (1 | -1)[]): PublishTemplate {
  const placeholder = '0000-00-00T00:00:00.000Z';
  const events = directions.map((direction) => ({ timestamp: placeholder, direction }));
  const payload = JSON.stringify(events.length === 1 ? events[0] : events);
  const topic = `dpu/${dpuId}/events`;
  const packet = generate({ cmd: 'publish', topic, payload, qos: 1, messageId: 1, dup: false, retain: false });
  const timestampsAt: number[] = [];
  for (let at = packet.indexOf(placeholder); at !== -1; at = packet.indexOf(placeholder, at + TIMESTAMP_BYTES)) {
    timestampsAt.push(at);
  }
  return { packet, idAt: packet.length - Buffer.byteLength(payload) - 2, timestampsAt };
}
