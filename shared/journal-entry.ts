// What a journal entry holds: records, packed one after the other. This is the only format that crosses the journal.
//
//   entry  = version (u8 = 1), record…
//   record = kind (u8), length (u32 LE), body
//
// `events` is packed by hand because it is the hot path; the rest is JSON. A reader refuses versions and kinds that it
// does not know: it must not pass over what a newer writer meant to be counted.
import type { Direction, Event, QuarantineReason } from './event.ts';
import type { HeardMark } from './heard.ts';
import { type DpuId, isId } from './ids.ts';

/** Events of one DPU that arrived together. */
export type EventsRecord = {
  readonly kind: 'events';
  readonly dpuId: DpuId;
  readonly receivedAtMs: number;
  readonly events: readonly Event[];
  /** The quarantine item that these events were replayed from; it is done with once they are stored. */
  readonly replayOf: string | null;
};

/** A message, or what is wrong in one, that cannot be counted. */
export type QuarantinedRecord = {
  readonly kind: 'quarantined';
  readonly topic: string | null;
  readonly dpuId: DpuId | null;
  readonly reason: QuarantineReason;
  readonly receivedAtMs: number;
  readonly payload: Uint8Array;
  readonly detail: string;
};

/** Every fact up to `upTo` holds for the events that follow. Always alone in its entry. */
export type FactsRecord = { readonly kind: 'facts'; readonly upTo: number };

/** What was heard of a DPU besides events: a PINGREQ, an empty array, a CONNECT. */
export type HeardRecord = { readonly kind: 'heard' } & HeardMark;

export type JournalRecord = EventsRecord | QuarantinedRecord | FactsRecord | HeardRecord;

const VERSION = 1;
const HEADER_BYTES = 5;
const KIND = { events: 1, quarantined: 2, facts: 3, heard: 4 } as const;
const ABSENT = -1;
/** Of a new entry: some ten single events. */
const FIRST_BYTES = 512;
/** Up to so many bytes a loop is faster than a call out of JavaScript. */
const COPIED_BY_HAND_MAX = 128;

/** `records` as they stand in an entry, without the entry's version byte. */
export function encodeRecords(records: readonly JournalRecord[]): Uint8Array {
  const parts = records.map(encodeRecord);
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

/** An entry that records are added to one after the other, so that many small ones cost no buffer each. */
export class EntryBuilder {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #bytes = 1;

  constructor() {
    this.#buffer[0] = VERSION;
  }

  /** Of the entry so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the first `length` bytes of `records`, which are copied. */
  add(records: Uint8Array, length: number): void {
    const bytes = this.#bytes + length;
    if (bytes > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#buffer.length));
      this.#buffer.copy(grown, 0, 0, this.#bytes);
      this.#buffer = grown;
    }
    if (length > COPIED_BY_HAND_MAX)
      this.#buffer.set(length < records.length ? records.subarray(0, length) : records, this.#bytes);
    else for (let at = 0; at < length; at++) this.#buffer[this.#bytes + at] = records[at] as number;
    this.#bytes = bytes;
  }

  entry(): Uint8Array {
    return this.#buffer.subarray(0, this.#bytes);
  }
}

/** One entry of already encoded records. */
export function joinEntry(parts: readonly Uint8Array[]): Uint8Array {
  const entry = new EntryBuilder();
  for (const part of parts) entry.add(part, part.length);
  return entry.entry();
}

/** The records of an entry. Throws on a version or kind that this build does not know. */
export function decodeEntry(entry: Uint8Array): JournalRecord[] {
  const buffer = Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength);
  if (buffer[0] !== VERSION) throw new Error(`journal entry of version ${buffer[0]}, this build reads ${VERSION}`);
  const records: JournalRecord[] = [];
  for (let at = 1; at < buffer.length; ) {
    const end = at + HEADER_BYTES + buffer.readUInt32LE(at + 1);
    records.push(decodeRecord(buffer.readUInt8(at), buffer.subarray(at + HEADER_BYTES, end)));
    at = end;
  }
  return records;
}

function encodeRecord(record: JournalRecord): Buffer {
  switch (record.kind) {
    case 'events':
      return encodeEvents(record);
    case 'quarantined':
      return encodeJson(KIND.quarantined, { ...record, payload: Buffer.from(record.payload).toString('base64') });
    case 'facts':
      return encodeJson(KIND.facts, record);
    case 'heard':
      return encodeJson(KIND.heard, record);
  }
}

function decodeRecord(kind: number, body: Buffer): JournalRecord {
  switch (kind) {
    case KIND.events:
      return decodeEvents(body);
    case KIND.quarantined: {
      const record = JSON.parse(body.toString()) as QuarantinedRecord & { payload: string };
      return { ...record, payload: Buffer.from(record.payload, 'base64') };
    }
    case KIND.facts:
      return JSON.parse(body.toString()) as FactsRecord;
    case KIND.heard:
      return JSON.parse(body.toString()) as HeardRecord;
    default:
      throw new Error(`journal record of kind ${kind}, which this build does not know`);
  }
}

function encodeJson(kind: number, value: object): Buffer {
  const text = Buffer.from(JSON.stringify(value));
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + text.length);
  buffer.writeUInt8(kind, 0);
  buffer.writeUInt32LE(text.length, 1);
  text.copy(buffer, HEADER_BYTES);
  return buffer;
}

// events body = receivedAtMs (f64), dpu id, replayOf (each: u8 length, ASCII), tagged (u8), event…
// event       = timestampMs (f64), direction (i8) and, when tagged, epoch and seq (f64 each, -1 absent)
function encodeEvents(record: EventsRecord): Buffer {
  const replayOf = record.replayOf ?? '';
  const tagged = record.events.some((event) => event.epoch !== null || event.seq !== null);
  const bodyBytes = 8 + 1 + record.dpuId.length + 1 + replayOf.length + 1 + record.events.length * (tagged ? 25 : 9);
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + bodyBytes);
  buffer[0] = KIND.events;
  let at = buffer.writeUInt32LE(bodyBytes, 1);
  at = buffer.writeDoubleLE(record.receivedAtMs, at);
  at = writeText(buffer, record.dpuId, at);
  at = writeText(buffer, replayOf, at);
  buffer[at++] = tagged ? 1 : 0;
  for (const event of record.events) {
    at = buffer.writeDoubleLE(event.timestampMs, at);
    at = buffer.writeInt8(event.direction, at);
    if (!tagged) continue;
    at = buffer.writeDoubleLE(event.epoch ?? ABSENT, at);
    at = buffer.writeDoubleLE(event.seq ?? ABSENT, at);
  }
  return buffer;
}

/** Of the longest record that `encodeEventInto` writes. */
export const EVENT_RECORD_BYTES_MAX = HEADER_BYTES + 8 + 1 + 64 + 1 + 1 + 25;

/** Writes at the front of `buffer` what `encodeRecords` gives for a record of this event; answers its length. */
export function encodeEventInto(buffer: Buffer, receivedAtMs: number, event: Event): number {
  const { dpuId, epoch, seq } = event;
  buffer[0] = KIND.events;
  let at = buffer.writeDoubleLE(receivedAtMs, HEADER_BYTES);
  buffer[at++] = dpuId.length;
  for (let index = 0; index < dpuId.length; index++) buffer[at++] = dpuId.charCodeAt(index);
  buffer[at++] = 0;
  const tagged = epoch !== null || seq !== null;
  buffer[at++] = tagged ? 1 : 0;
  at = buffer.writeDoubleLE(event.timestampMs, at);
  buffer[at++] = event.direction & 0xff;
  if (tagged) at = buffer.writeDoubleLE(seq ?? ABSENT, buffer.writeDoubleLE(epoch ?? ABSENT, at));
  buffer.writeUInt32LE(at - HEADER_BYTES, 1);
  return at;
}

function decodeEvents(body: Buffer): EventsRecord {
  const receivedAtMs = body.readDoubleLE(0);
  const dpuEnd = 9 + body.readUInt8(8);
  const dpuId = body.toString('latin1', 9, dpuEnd) as DpuId;
  if (!isId(dpuId)) throw new Error(`journal record of a DPU named ${JSON.stringify(dpuId)}`);
  const replayEnd = dpuEnd + 1 + body.readUInt8(dpuEnd);
  const replayOf = body.toString('latin1', dpuEnd + 1, replayEnd) || null;
  const tagged = body.readUInt8(replayEnd) === 1;
  const events: Event[] = [];
  for (let at = replayEnd + 1; at < body.length; at += tagged ? 25 : 9) {
    const epoch = tagged ? body.readDoubleLE(at + 9) : ABSENT;
    const seq = tagged ? body.readDoubleLE(at + 17) : ABSENT;
    events.push({
      dpuId,
      timestampMs: body.readDoubleLE(at),
      direction: body.readInt8(at + 8) as Direction,
      epoch: epoch === ABSENT ? null : epoch,
      seq: seq === ABSENT ? null : seq,
    });
  }
  return { kind: 'events', dpuId, receivedAtMs, events, replayOf };
}

function writeText(buffer: Buffer, text: string, at: number): number {
  buffer[at] = text.length;
  return at + 1 + buffer.write(text, at + 1, 'latin1');
}
