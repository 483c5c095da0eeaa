// The minutes of one hour and space, packed: only those with deltas, in order.
//
//   minute = minute of the hour (u8), entrances, exits, -lowest, highest (varints, LEB128)
import type { Profile } from '../history.ts';
import { readVarint, writeVarint } from '../varint.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const MINUTES_PER_HOUR = 60;

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

/** `packed` with sums added to some of its minutes (index: minute of the hour), whose extremes are then not known: 0. */
export function addToMinutes(packed: Uint8Array | undefined, entrances: Int32Array, exits: Int32Array): Uint8Array {
  const known: (Minute | undefined)[] = new Array(MINUTES_PER_HOUR);
  for (const minute of packed === undefined ? [] : unpackMinutes(packed)) known[minute.minute] = minute;
  const merged: Minute[] = [];
  for (let minute = 0; minute < MINUTES_PER_HOUR; minute++) {
    const before = known[minute];
    const entered = entrances[minute] as number;
    const left = exits[minute] as number;
    if (entered === 0 && left === 0) {
      if (before !== undefined) merged.push(before);
      continue;
    }
    const sums = { entrances: (before?.entrances ?? 0) + entered, exits: (before?.exits ?? 0) + left };
    merged.push({ minute, ...sums, lowest: 0, highest: 0 });
  }
  return packMinutes(merged);
}
