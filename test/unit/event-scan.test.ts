// Reading events from bytes: either exactly what reading them as JSON gives, or left to that.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scanEvents } from '../../shared/event-scan.ts';
import type { DpuId } from '../../shared/ids.ts';
import { judgeMessage } from '../../shared/message.ts';

const DPU = '423' as DpuId;
const RULES = { receivedAtMs: 8.64e15, futureAllowedMs: 0 };

const scan = (text: string) => {
  const bytes = Buffer.from(`<<${text}>>`);
  return scanEvents(bytes, 2, bytes.length - 2, DPU);
};

/** What the full reading gives: events, or null when any of the message cannot be read. */
const read = (text: string) => {
  const judged = judgeMessage(DPU, text, RULES);
  if ('rejected' in judged) return null;
  const events = judged.verdicts.map((verdict) => ('event' in verdict ? verdict.event : null));
  return events.includes(null) ? null : events;
};

const SCANNED = [
  '{"timestamp":"2018-02-24T08:45:21.893Z","direction":1}',
  '{"timestamp":"2018-02-24T08:45:21Z","direction":-1}',
  '{"direction":-1,"timestamp":1519461921893}',
  ' { "seq" : 0 , "epoch" : 17 , "direction" : 1 , "timestamp" : 1519461921893 } ',
  '[{"timestamp":"2020-02-29T23:59:59.999Z","direction":1},\n{"timestamp":951782400000,"direction":-1}]',
];
test.each(SCANNED)('%s is read from its bytes', (text) => {
  expect(scan(text)).toEqual(read(text));
  expect(scan(text)).not.toBeNull();
});

const LEFT = [
  '',
  '{}',
  '[]',
  '{"timestamp":1519461921893}',
  '{"direction":1}',
  '{"timestamp":1519461921893,"direction":1',
  '{"timestamp":1519461921893,"direction":1}}',
  '{"timestamp":1519461921893,"direction":1},',
  '{"timestamp":1519461921893,"direction":1,}',
  '{"timestamp":1519461921893,"direction":10}',
  '{"timestamp":1519461921893,"direction":1.0}',
  '{"timestamp":1519461921893,"direction":- 1}',
  '{"timestamp":1519461921893,"direction":1,"direction":-1}',
  '{"timestamp":01519461921893,"direction":1}',
  '{"timestamp":1519461921893.5,"direction":1}',
  '{"timestamp":-1,"direction":1}',
  '{"timestamp":"2018-02-30T08:45:21.893Z","direction":1}',
  '{"timestamp":"2018-02-00T08:45:21.893Z","direction":1}',
  '{"timestamp":"2018-13-01T08:45:21.893Z","direction":1}',
  '{"timestamp":"2018-02-24T24:00:00.000Z","direction":1}',
  '{"timestamp":"2018-02-24T08:45:21.893+01:00","direction":1}',
  '{"timestamp":"0050-02-24T08:45:21.893Z","direction":1}',
  '{"timestamp":"2018-02-24T08:45:21.8Z","direction":1}',
  '{"timestamp":1519461921893,"direction":1,"epoch":null}',
  '{"timestamp":1519461921893,"direction":1,"battery":7}',
  '{"timestamp":1519461921893,"direction":1,"seq":9999999999999999}',
];
test.each(LEFT)('%s is left to be read in full', (text) => {
  expect(scan(text)).toBeNull();
});

test('whatever is read from bytes is what reading it in full gives', () => {
  const piece = fc.constantFrom(
    ...'{ } [ ] , : " timestamp direction epoch seq 1 -1 0 2 12 1519461921893 1e3 0.5 null true \\ \n'.split(' '),
    '"timestamp"',
    '"direction":',
    '"timestamp":1519461921893',
    '"direction":1',
    '"seq":3',
    '"2018-02-24T08:45:21.893Z"',
    ' ',
  );
  const event = fc
    .tuple(fc.date({ noInvalidDate: true }), fc.constantFrom(1, -1), fc.option(fc.nat()), fc.boolean())
    .map(([date, direction, seq, asText]) => ({
      timestamp: asText ? date.toISOString() : date.getTime(),
      direction,
      ...(seq === null ? {} : { seq }),
    }));
  const text = fc.oneof(
    fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join('')),
    event.map((one) => JSON.stringify(one)),
    fc.array(event, { maxLength: 4 }).map((many) => JSON.stringify(many, null, 1)),
    fc.tuple(event, fc.nat(90), fc.string({ minLength: 1, maxLength: 1 })).map(([one, at, character]) => {
      const written = JSON.stringify(one);
      return written.slice(0, at) + character + written.slice(at + 1);
    }),
  );
  fc.assert(
    fc.property(text, (drawn) => {
      const scanned = scan(drawn);
      if (scanned !== null) expect(scanned).toEqual(fullyRead(drawn));
    }),
    { numRuns: 3_000 },
  );
});

/** As `read`, where an event before 2000 has been read too: that is judged later. */
function fullyRead(text: string): unknown {
  const value = JSON.parse(text);
  const list = Array.isArray(value) ? value : [value];
  return list.map(({ timestamp, direction, epoch, seq }) => ({
    dpuId: DPU,
    timestampMs: typeof timestamp === 'number' ? timestamp : Date.parse(timestamp),
    direction,
    epoch: epoch ?? null,
    seq: seq ?? null,
  }));
}
