// The minutes of one hour and space, packed: only those with deltas, in order.
//
//   minute = minute of the hour (u8), entrances, exits, -lowest, highest (varints, LEB128)
import type { Profile } from '../history.ts';
import { putVarint, readVarint, skipVarint, writeVarint } from '../varint.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const MINUTES_PER_HOUR = 60;

/** A minute takes its number and four varints of at most 8 bytes. */
const ADDED = new Uint8Array(MINUTES_PER_HOUR * (1 + 4 * 8));
const NOTHING = new Uint8Array();

export type Minute = Profile & { readonly minute: number };

/** The minutes in `packed`, in order. */
export function unpackMinutes(packed: Uint8Array): Minute[] {
  const minutes: Minute[] = [];
  const cursor = { at: 0 };
  while (cursor.at < packed.length) {
    const minute = packed[cursor.at++] as number;
    const entrances = readVarint(packed, cursor);
    const exits = readVarint(packed, cursor);
    const depth = readVarint(packed, cursor);
    minutes.push({ minute, entrances, exits, lowest: -depth, highest: readVarint(packed, cursor) });
  }
  return minutes;
}

/** The opposite; minutes in which nothing remains are left out. */
export function packMinutes(minutes: readonly Minute[]): Uint8Array {
  const bytes: number[] = [];
  for (const { minute, entrances, exits, lowest, highest } of minutes) {
    if (entrances === 0 && exits === 0) continue;
    bytes.push(minute);
    for (const value of [entrances, exits, -lowest, highest]) writeVarint(bytes, value);
  }
  return Uint8Array.from(bytes);
}

/**
 * `packed` with sums added to some of its minutes, whose extremes are then not known: 0. From `place` on in `sums`: the
 * entrances of each minute of the hour, then the exits. Good until the next call.
 */
export function addToMinutes(packed: Uint8Array | undefined, sums: Int32Array, place: number): Uint8Array {
  const [known, from] = [packed ?? NOTHING, { at: 0 }];
  let size = 0;
  for (let minute = 0; minute < MINUTES_PER_HOUR; minute++) {
    const begin = from.at;
    let entrances = sums[place + minute] as number;
    let exits = sums[place + MINUTES_PER_HOUR + minute] as number;
    const isChanged = entrances !== 0 || exits !== 0;
    if (known[begin] === minute) {
      from.at += 1;
      entrances += readVarint(known, from);
      exits += readVarint(known, from);
      skipVarint(known, from);
      skipVarint(known, from);
    }
    if (!isChanged) {
      for (let at = begin; at < from.at; at++) ADDED[size++] = known[at] as number;
    } else if (entrances !== 0 || exits !== 0) {
      ADDED[size++] = minute;
      size = putVarint(ADDED, size, entrances);
      size = putVarint(ADDED, size, exits);
      ADDED[size++] = 0;
      ADDED[size++] = 0;
    }
  }
  return ADDED.subarray(0, size);
}
