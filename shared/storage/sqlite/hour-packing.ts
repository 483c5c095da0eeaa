// The events of one DPU and hour, packed.
//
//   event = second of the hour (12 bits), ms (10), 1: direction is +1, 1: that is all of it; else which of
//           epoch, seq and recorded_after_ms follow (u8), and those (varints). recorded_after_ms only of an event that came late.
import { readVarint, skipVarint, writeVarint } from '../varint.ts';
import { ABSENT, type EventRow, type Identity, LATE_AFTER_MS, SECOND_MS, SECONDS_PER_HOUR } from './event-row.ts';
import { HOUR_MS } from './minutes.ts';

const HEAD_BYTES = 3;
const [SECOND_SHIFT, MS_SHIFT, MS_MASK] = [12, 2, 0x3ff];
const [PLAIN, FORWARD] = [1, 2];
const [EPOCH, SEQ, LATE] = [1, 2, 4];

/** An event as it is packed; `recordedAfterMs` null: at most LATE_AFTER_MS. */
export type HourEvent = Identity & { readonly mapping: number; readonly recordedAfterMs: number | null };

/** Events of one DPU, hour and mapping. */
export function packHour(rows: readonly EventRow[]): Uint8Array {
  const bytes: number[] = [];
  for (const [second, , ms, direction, epoch, seq, recordedAfterMs] of rows) {
    const isLate = recordedAfterMs > LATE_AFTER_MS;
    const more = (epoch === ABSENT ? 0 : EPOCH) + (seq === ABSENT ? 0 : SEQ) + (isLate ? LATE : 0);
    const time = ((second % SECONDS_PER_HOUR) << SECOND_SHIFT) | (ms << MS_SHIFT);
    const head = time | (direction === 1 ? FORWARD : 0) | (more === 0 ? PLAIN : 0);
    bytes.push(head >> 16, (head >> 8) & 0xff, head & 0xff);
    if (more === 0) continue;
    bytes.push(more);
    if (epoch !== ABSENT) writeVarint(bytes, epoch);
    if (seq !== ABSENT) writeVarint(bytes, seq);
    if (isLate) writeVarint(bytes, recordedAfterMs);
  }
  return new Uint8Array(bytes);
}

/** The opposite; unordered, as they came. */
export function unpackHour(hour: number, mapping: number, packed: Uint8Array): HourEvent[] {
  const events: HourEvent[] = [];
  const cursor = { at: 0 };
  while (cursor.at < packed.length) {
    const head = headAt(packed, cursor.at);
    cursor.at += HEAD_BYTES;
    const more = (head & PLAIN) === 0 ? (packed[cursor.at++] as number) : 0;
    events.push({
      atMs: hour * HOUR_MS + (head >> SECOND_SHIFT) * SECOND_MS + ((head >> MS_SHIFT) & MS_MASK),
      direction: (head & FORWARD) === 0 ? -1 : 1,
      epoch: (more & EPOCH) === 0 ? ABSENT : readVarint(packed, cursor),
      seq: (more & SEQ) === 0 ? ABSENT : readVarint(packed, cursor),
      mapping,
      recordedAfterMs: (more & LATE) === 0 ? null : readVarint(packed, cursor),
    });
  }
  return events;
}

/** Where each event ends. Of bytes that are no events the last end may be past them. */
export function endsOf(packed: Uint8Array): number[] {
  const ends: number[] = [];
  const cursor = { at: 0 };
  while (cursor.at < packed.length) {
    const head = headAt(packed, cursor.at);
    cursor.at += HEAD_BYTES;
    if ((head & PLAIN) === 0) {
      const more = packed[cursor.at++] as number;
      for (const part of [EPOCH, SEQ, LATE]) if ((more & part) !== 0) skipVarint(packed, cursor);
    }
    ends.push(cursor.at);
  }
  return ends;
}

function headAt(packed: Uint8Array, at: number): number {
  return ((packed[at] as number) << 16) | ((packed[at + 1] as number) << 8) | (packed[at + 2] as number);
}

/** The same text exactly for the same events, in whatever order they are. */
export function textOf(packed: Uint8Array): string {
  const text = Buffer.from(packed).toString('latin1');
  const ends = endsOf(packed);
  return ends
    .map((end, index) => text.slice(ends[index - 1] ?? 0, end))
    .sort()
    .join();
}
