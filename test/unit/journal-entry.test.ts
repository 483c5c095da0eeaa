// The format of journal entries: what goes in comes out, and what a newer build wrote is refused.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DpuId } from '../../shared/ids.ts';
import {
  decodeEntry,
  EVENT_RECORD_BYTES_MAX,
  encodeEventInto,
  encodeRecords,
  type JournalRecord,
  joinEntry,
} from '../../shared/journal-entry.ts';

const count = fc.option(fc.maxSafeNat());
const events = fc
  .tuple(
    fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
    fc.integer({ min: 0, max: 8.64e15 }),
    fc.array(
      fc.record({
        timestampMs: fc.integer({ min: 0, max: 8.64e15 }),
        direction: fc.constantFrom(1 as const, -1 as const),
        epoch: count,
        seq: count,
      }),
    ),
    fc.option(fc.stringMatching(/^[0-9a-f-]{1,40}$/)),
  )
  .map(([id, receivedAtMs, list, replayOf]): JournalRecord => {
    const dpuId = id as DpuId;
    return { kind: 'events', dpuId, receivedAtMs, events: list.map((event) => ({ dpuId, ...event })), replayOf };
  });
const quarantined = fc
  .record({
    topic: fc.option(fc.string({ unit: 'binary' })),
    payload: fc.uint8Array(),
    detail: fc.string(),
    receivedAtMs: fc.nat(),
  })
  .map(
    (drawn): JournalRecord => ({
      kind: 'quarantined',
      dpuId: null,
      reason: 'malformed',
      ...drawn,
      payload: Buffer.from(drawn.payload),
    }),
  );
const facts = fc.nat().map((upTo): JournalRecord => ({ kind: 'facts', upTo }));

test('records come out as they went in, however they were grouped', () => {
  const groups = fc.array(fc.array(fc.oneof(events, quarantined, facts), { minLength: 1 }));
  fc.assert(
    fc.property(groups, (drawn) => {
      expect(decodeEntry(joinEntry(drawn.map(encodeRecords)))).toEqual(drawn.flat());
    }),
  );
});

test('a single event written into a buffer is what its record is', () => {
  const buffer = Buffer.alloc(EVENT_RECORD_BYTES_MAX);
  fc.assert(
    fc.property(events, (record) => {
      if (record.kind !== 'events') return;
      for (const event of record.events) {
        const length = encodeEventInto(buffer, record.receivedAtMs, event);
        const alone = { ...record, events: [event], replayOf: null };
        expect(buffer.subarray(0, length)).toEqual(encodeRecords([alone]));
      }
    }),
  );
});

test.each([
  ['version', Buffer.from([2])],
  ['kind', Buffer.from([1, 99, 0, 0, 0, 0])],
])('an entry of a %s that this build does not know is refused', (_, bytes) => {
  expect(() => decodeEntry(bytes)).toThrow(/this build/);
});
