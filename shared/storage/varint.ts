// Whole numbers from 0 to 2^53 as bytes, seven bits in each, the least first (LEB128, unsigned).

const INT32_MAX = 2 ** 31 - 1;

/** Where reading goes on in the bytes. */
export type Cursor = { at: number };

export function readVarint(bytes: Uint8Array, cursor: Cursor): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw new Error('packed numbers end within a number');
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
}

/** Sets the cursor after a number, without looking at it; an unfinished one ends where the bytes do. */
export function skipVarint(bytes: Uint8Array, cursor: Cursor): void {
  while ((bytes[cursor.at++] as number) >= 0x80);
}

export function writeVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

/** As `writeVarint`, into bytes from `at` on; answers where it ends. */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let [rest, end] = [value, at];
  for (; rest > INT32_MAX; rest = Math.floor(rest / 128)) bytes[end++] = (rest % 128) | 0x80;
  // What fits is shifted, which is much faster.
  let low = rest | 0;
  for (; low >= 0x80; low >>= 7) bytes[end++] = low | 0x80;
  bytes[end++] = low;
  return end;
}

/** Signed numbers near zero as small unsigned ones: 0, -1, 1, -2, 2 are 0, 1, 2, 3, 4. */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

/** The opposite of `zigzag`. */
export function unzigzag(value: number): number {
  return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
}
