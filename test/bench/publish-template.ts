// PUBLISH packets of one device, made once; only packet id and timestamps are patched in, so that the generator costs
// little beside what it measures.
import { generate } from 'mqtt-packet';

/** `2026-11-23T09:43:20.123Z` */
const TIMESTAMP_BYTES = 24;
const DATE_BYTES = 11;
const DAY_MS = 86_400_000;
const ZERO = 48;

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

let dayMs = Number.NaN;
let date = Buffer.alloc(0);

/** Writes `timestampMs` as RFC 3339 at `at`. */
export function patchTimestamp(packet: Buffer, at: number, timestampMs: number): void {
  const timeMs = timestampMs % DAY_MS;
  if (timestampMs - timeMs !== dayMs) {
    dayMs = timestampMs - timeMs;
    date = Buffer.from(new Date(dayMs).toISOString().slice(0, DATE_BYTES));
  }
  for (let index = 0; index < DATE_BYTES; index++) packet[at + index] = date[index] as number;
  const seconds = Math.floor(timeMs / 1000);
  patchDigits(packet, at + 11, Math.floor(seconds / 3600));
  patchDigits(packet, at + 14, Math.floor(seconds / 60) % 60);
  patchDigits(packet, at + 17, seconds % 60);
  const ms = timeMs % 1000;
  packet[at + 20] = ZERO + Math.floor(ms / 100);
  patchDigits(packet, at + 21, ms % 100);
}

function patchDigits(packet: Buffer, at: number, value: number): void {
  packet[at] = ZERO + Math.floor(value / 10);
  packet[at + 1] = ZERO + (value % 10);
}
