// Events read from the bytes of a message without JSON, as long as they are written as devices write them. Pure.
//
//   {"timestamp":"2018-02-24T08:45:21.893Z","direction":1}      or integer ms, epoch, seq, white space, an array of such
//
// Whatever else there is in a message (other fields, escapes, offsets, faults) gives null: `judgeMessage` decides then, and
// always decides as here where both can.
import { type Direction, EVENTS_PER_MESSAGE_MAX, type Event } from './event.ts';
import type { DpuId } from './ids.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const COLON = 0x3a;
const ZERO = 0x30;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
/** Digits of a number that is surely exact. */
const DIGITS_MAX = 15;
const DAY_MS = 86_400_000;

/** Where reading stands; -1: this is not for here. One for all: nothing else runs while it is in use. */
let at = 0;
let bytes: Uint8Array = new Uint8Array(0);
let end = 0;
/** The day that was converted last, as year * 10000 + month * 100 + day. */
let knownDay = 0;
let knownDayMs = 0;

/** The events in `message` from `from` to `until`; null: to be read in full. */
export function scanEvents(message: Uint8Array, from: number, until: number, dpuId: DpuId): Event[] | null {
  bytes = message;
  at = from;
  end = until;
  const events: Event[] = [];
  const isArray = skipTo(OPEN_ARRAY);
  do {
    const event = scanEvent(dpuId);
    if (event === null) return null;
    events.push(event);
    if (events.length > EVENTS_PER_MESSAGE_MAX) return null;
  } while (isArray && skipTo(COMMA));
  if (isArray && !skipTo(CLOSE_ARRAY)) return null;
  skipSpace();
  return at === end ? events : null;
}

function scanEvent(dpuId: DpuId): Event | null {
  if (!skipTo(OPEN_OBJECT)) return null;
  let timestampMs = Number.NaN;
  let direction = 0;
  let epoch = Number.NaN;
  let seq = Number.NaN;
  do {
    if (!skipTo(QUOTE)) return null;
    // A field that is there twice is read in full.
    switch (bytes[at]) {
      case 0x74:
        if (!skipWord(TIMESTAMP) || !Number.isNaN(timestampMs)) return null;
        timestampMs = skipTo(QUOTE) ? scanDateTime() : scanInteger();
        break;
      case 0x64:
        if (!skipWord(DIRECTION) || direction !== 0) return null;
        direction = scanDirection();
        break;
      case 0x65:
        if (!skipWord(EPOCH) || !Number.isNaN(epoch)) return null;
        epoch = scanInteger();
        break;
      case 0x73:
        if (!skipWord(SEQ) || !Number.isNaN(seq)) return null;
        seq = scanInteger();
        break;
      default:
        return null;
    }
    if (at < 0) return null;
  } while (skipTo(COMMA));
  if (!skipTo(CLOSE_OBJECT) || Number.isNaN(timestampMs) || direction === 0) return null;
  return {
    dpuId,
    timestampMs,
    direction: direction as Direction,
    epoch: Number.isNaN(epoch) ? null : epoch,
    seq: Number.isNaN(seq) ? null : seq,
  };
}

/** The names of fields with what follows them up to the colon. */
const TIMESTAMP = Buffer.from('timestamp"');
const DIRECTION = Buffer.from('direction"');
const EPOCH = Buffer.from('epoch"');
const SEQ = Buffer.from('seq"');

function skipWord(word: Uint8Array): boolean {
  for (let index = 0; index < word.length; index++) if (bytes[at + index] !== word[index]) return false;
  at += word.length;
  return at < end && skipTo(COLON);
}

/** White space as in JSON (RFC 8259, section 2). */
function skipSpace(): void {
  while (at < end) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
    at += 1;
  }
}

/** Passes over white space, and over `byte` if that comes next. */
function skipTo(byte: number): boolean {
  skipSpace();
  if (at >= end || bytes[at] !== byte) return false;
  at += 1;
  return true;
}

function scanDirection(): number {
  const isNegative = skipTo(MINUS);
  if (!isNegative) skipSpace();
  if (at >= end || bytes[at] !== ZERO + 1 || isDigitOrMore(at + 1)) return fail();
  at += 1;
  return isNegative ? -1 : 1;
}

function scanInteger(): number {
  skipSpace();
  const first = at;
  let value = 0;
  while (at < end) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
    at += 1;
  }
  const digits = at - first;
  const hasLeadingZero = digits > 1 && bytes[first] === ZERO;
  if (digits === 0 || digits > DIGITS_MAX || hasLeadingZero || isDigitOrMore(at)) return fail();
  return value;
}

/** True when a number goes on at `next`: with a digit, a fraction or an exponent. */
function isDigitOrMore(next: number): boolean {
  if (next >= end) return false;
  const byte = bytes[next] as number;
  return (byte >= ZERO && byte <= ZERO + 9) || byte === 0x2e || byte === 0x65 || byte === 0x45;
}

/** `2018-02-24T08:45:21.893Z"`, with milliseconds or without a fraction. */
function scanDateTime(): number {
  const hasMs = bytes[at + 19] === 0x2e;
  const close = at + (hasMs ? 24 : 20);
  const isWritten =
    close < end &&
    bytes[at + 4] === MINUS &&
    bytes[at + 7] === MINUS &&
    bytes[at + 10] === 0x54 &&
    bytes[at + 13] === COLON &&
    bytes[at + 16] === COLON &&
    bytes[close - 1] === 0x5a &&
    bytes[close] === QUOTE;
  if (!isWritten) return fail();
  const year = digitsAt(at, 2) * 100 + digitsAt(at + 2, 2);
  const day = year * 10_000 + digitsAt(at + 5, 2) * 100 + digitsAt(at + 8, 2);
  const hour = digitsAt(at + 11, 2);
  const minute = digitsAt(at + 14, 2);
  const second = digitsAt(at + 17, 2);
  const ms = hasMs ? digitsAt(at + 20, 3) : 0;
  // Not a number where a digit is missing.
  if (!(hour <= 23 && minute <= 59 && second <= 59 && ms >= 0)) return fail();
  if (day !== knownDay) {
    const dayMs = dayStartMs(day);
    if (dayMs === null) return fail();
    knownDay = day;
    knownDayMs = dayMs;
  }
  at = close + 1;
  return knownDayMs + ((hour * 60 + minute) * 60 + second) * 1000 + ms;
}

/** Null for a day that does not exist. */
function dayStartMs(day: number): number | null {
  const date = day % 100;
  const month = Math.floor(day / 100) % 100;
  const year = Math.floor(day / 10_000);
  // Date.UTC takes years below 100 for those of the twentieth century.
  if (!(year >= 1000)) return null;
  const dayMs = Date.UTC(year, month - 1, date);
  const isReal = dayMs % DAY_MS === 0 && new Date(dayMs).getUTCMonth() === month - 1 && date >= 1;
  return isReal ? dayMs : null;
}

function digitsAt(from: number, count: number): number {
  let value = 0;
  for (let index = from; index < from + count; index++) {
    const digit = (bytes[index] as number) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

function fail(): number {
  at = -1;
  return Number.NaN;
}
