// Changes of counts as bytes, many together, each as its difference from the one before it.
//
//   flags (u8)  1 same cause, time and recording as the one before   2 has an end   4 change is not +1 or -1   8 change is -1
//               16 * kind of cause
//   space, then unless `same`: from - from before, recorded_at - from, number of the cause; then end - from; then the change
//   (varints, LEB128; signed ones zigzag)

import { putVarint, readVarint, unzigzag, zigzag } from './varint.ts';

/** Kinds of causes by their number in `flags`: their `number` is that of a DPU, of a fact, of a fact, and 0. */
export const CAUSE_KINDS = ['event', 'recount', 'reset', 'daily_reset'] as const;
export type CauseKind = (typeof CAUSE_KINDS)[number];

/** `space` by its number where the changes are kept. */
export type PackedChange = {
  readonly space: number;
  readonly fromMs: number;
  readonly untilMs: number | null;
  readonly change: number;
  readonly kind: CauseKind;
  readonly number: number;
  readonly recordedAtMs: number;
};

const SAME = 1;
const ENDS = 2;
const OTHER_CHANGE = 4;
const MINUS_ONE = 8;
const KIND = 16;
/** The most that one change takes: flags and six varints of at most 8 bytes. */
const CHANGE_BYTES_MAX = 64;

/** Packs changes one after the other; `take` gives the bytes and begins anew. */
export class ChangePacker {
  #bytes = new Uint8Array(4096);
  #at = 0;
  #last: PackedChange | null = null;
  count = 0;

  add(change: PackedChange): void {
    if (this.#at + CHANGE_BYTES_MAX > this.#bytes.length) this.#grow();
    const last = this.#last;
    const { fromMs, untilMs, kind, number, recordedAtMs } = change;
    const isSame =
      last !== null &&
      last.fromMs === fromMs &&
      last.kind === kind &&
      last.number === number &&
      last.recordedAtMs === recordedAtMs;
    const isUnit = change.change === 1 || change.change === -1;
    this.#bytes[this.#at++] =
      (isSame ? SAME : 0) |
      (untilMs === null ? 0 : ENDS) |
      (isUnit ? 0 : OTHER_CHANGE) |
      (change.change === -1 ? MINUS_ONE : 0) |
      (CAUSE_KINDS.indexOf(kind) * KIND);
    this.#unsigned(change.space);
    if (!isSame) {
      this.#signed(fromMs - (last?.fromMs ?? 0));
      this.#signed(recordedAtMs - fromMs);
      this.#unsigned(number);
    }
    if (untilMs !== null) this.#signed(untilMs - fromMs);
    if (!isUnit) this.#signed(change.change);
    this.#last = change;
    this.count += 1;
  }

  take(): Uint8Array {
    const packed = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    this.#last = null;
    this.count = 0;
    return packed;
  }

  #signed(value: number): void {
    this.#unsigned(zigzag(value));
  }

  #unsigned(value: number): void {
    this.#at = putVarint(this.#bytes, this.#at, value);
  }

  #grow(): void {
    const grown = new Uint8Array(this.#bytes.length * 2);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** The changes in `packed`, in order. */
export function unpackChanges(packed: Uint8Array): PackedChange[] {
  const changes: PackedChange[] = [];
  const cursor = { at: 0 };
  const unsigned = () => readVarint(packed, cursor);
  const signed = () => unzigzag(unsigned());
  while (cursor.at < packed.length) {
    const flags = packed[cursor.at++] as number;
    const space = unsigned();
    const last = changes.at(-1);
    let { fromMs, recordedAtMs, number } = last ?? { fromMs: 0, recordedAtMs: 0, number: 0 };
    if ((flags & SAME) === 0) {
      fromMs += signed();
      recordedAtMs = fromMs + signed();
      number = unsigned();
    }
    const untilMs = (flags & ENDS) === 0 ? null : fromMs + signed();
    const change = (flags & OTHER_CHANGE) !== 0 ? signed() : (flags & MINUS_ONE) !== 0 ? -1 : 1;
    const kind = CAUSE_KINDS[Math.floor(flags / KIND)] as CauseKind;
    changes.push({ space, fromMs, untilMs, change, kind, number, recordedAtMs });
  }
  return changes;
}
