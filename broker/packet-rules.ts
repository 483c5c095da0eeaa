// What MQTT says of the inside of packets, checked before anybody works with it. Pure.
import { isUtf8 } from 'node:buffer';
import { FrameError } from './frames.ts';

/** The number of two bytes at `at`, big-endian (MQTT 3.1.1, 1.5.2). */
export function readNumber(bytes: Uint8Array, at: number, end: number): number {
  if (at + 2 > end) throw new FrameError('the packet ends too soon');
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** Packet identifiers are not zero [MQTT-2.3.1-1]. */
export function readPacketId(bytes: Uint8Array, at: number, end: number): number {
  const id = readNumber(bytes, at, end);
  if (id === 0) throw new FrameError('packet identifier 0 [MQTT-2.3.1-1]');
  return id;
}

/** Where the string at `at` ends; it is text that MQTT allows (MQTT 3.1.1, 1.5.3). */
export function checkText(bytes: Uint8Array, at: number, end: number): number {
  const textEnd = at + 2 + readNumber(bytes, at, end);
  if (textEnd > end) throw new FrameError('a string is longer than its packet');
  const text = bytes.subarray(at + 2, textEnd);
  if (!isUtf8(text)) throw new FrameError('a string that is not UTF-8 [MQTT-1.5.3-1]');
  if (text.includes(0)) throw new FrameError('a string with U+0000 [MQTT-1.5.3-2]');
  return textEnd;
}

/** A filter is not empty, and its wildcards stand alone in their level, `#` in the last one. */
function checkFilter(filter: string): void {
  if (filter === '') throw new FrameError('an empty topic filter [MQTT-4.7.3-1]');
  const levels = filter.split('/');
  for (const [index, level] of levels.entries()) {
    if (level.length > 1 && level.includes('+')) throw new FrameError('`+` within a level [MQTT-4.7.1-3]');
    if (!level.includes('#')) continue;
    if (level.length > 1 || index < levels.length - 1) throw new FrameError('`#` not alone at the end [MQTT-4.7.1-2]');
  }
}

/**
 * How many filters there are from `at` to `end`, each followed by a byte of options in a SUBSCRIBE, of which the bits in
 * `optionBits` may be set; null: UNSUBSCRIBE. Throws FrameError for faults.
 */
export function checkFilters(bytes: Buffer, at: number, end: number, optionBits: number | null): number {
  if (at === end) throw new FrameError('no topic filter [MQTT-3.8.3-3] [MQTT-3.10.3-2]');
  let count = 0;
  while (at < end) {
    const next = checkText(bytes, at, end);
    checkFilter(bytes.toString('utf8', at + 2, next));
    count += 1;
    at = next;
    if (optionBits === null) continue;
    if (next === end) throw new FrameError('the packet ends too soon');
    const options = bytes[next] as number;
    if ((options & ~optionBits) !== 0 || (options & 3) === 3) throw new FrameError('options [MQTT-3.8.3-4]');
    at += 1;
  }
  return count;
}

/** True when `bytes` has all of `known` at `at`. */
export function isSame(known: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < known.length; index++) if (known[index] !== bytes[at + index]) return false;
  return true;
}

/** The topic of a PUBLISH, which is at `at`. Throws FrameError. */
export function readTopic(bytes: Buffer, at: number, end: number): string {
  checkText(bytes, at, end);
  const topic = bytes.toString('utf8', at + 2, at + 2 + readNumber(bytes, at, end));
  if (topic === '') throw new FrameError('an empty topic [MQTT-4.7.3-1]');
  if (/[+#]/.test(topic)) throw new FrameError('a topic with a wildcard [MQTT-3.3.2-2]');
  return topic;
}
