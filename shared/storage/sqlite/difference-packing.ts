// The events of one DPU and hour that a fact maps differently, packed.
//
//   event = 8 * (ms within the hour) + (4: with seq) + (2: with epoch) + (1: direction is +1), epoch, seq   (varints)
import { readVarint, writeVarint } from '../varint.ts';
import { ABSENT, type Identity } from './event-row.ts';
import { HOUR_MS } from './minutes.ts';

const [DIRECTION, EPOCH, SEQ, FLAGS] = [1, 2, 4, 8];

export function packEvents(events: readonly Identity[]): Uint8Array {
  const bytes: number[] = [];
  for (const { atMs, direction, epoch, seq } of events) {
    const flags = (direction === 1 ? DIRECTION : 0) + (epoch === ABSENT ? 0 : EPOCH) + (seq === ABSENT ? 0 : SEQ);
    writeVarint(bytes, (atMs % HOUR_MS) * FLAGS + flags);
    if (epoch !== ABSENT) writeVarint(bytes, epoch);
    if (seq !== ABSENT) writeVarint(bytes, seq);
  }
  return new Uint8Array(bytes);
}

/** The opposite, of a row's hour and events. */
export function* unpackEvents(hour: number, packed: Uint8Array): Generator<Identity> {
  const cursor = { at: 0 };
  while (cursor.at < packed.length) {
    const head = readVarint(packed, cursor);
    yield {
      atMs: hour * HOUR_MS + Math.floor(head / FLAGS),
      direction: head % 2 === DIRECTION ? 1 : -1,
      epoch: (head & EPOCH) === 0 ? ABSENT : readVarint(packed, cursor),
      seq: (head & SEQ) === 0 ? ABSENT : readVarint(packed, cursor),
    };
  }
}
