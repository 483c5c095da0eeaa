// Timestamps in and out.
import { expect, test } from 'vitest';
import { formatTimestamp, parseTimestampMs } from '../../shared/timestamp.ts';

test.each([
  ['2018-02-24T08:45:21.893Z', '2018-02-24T08:45:21.893Z'],
  ['2018-02-24T08:45:21Z', '2018-02-24T08:45:21.000Z'],
  ['2018-02-24T08:45:21.5+01:00', '2018-02-24T07:45:21.500Z'],
  ['2018-02-24t08:45:21.893999999z', '2018-02-24T08:45:21.893Z'],
  ['2018-02-24T23:59:59.999-12:30', '2018-02-25T12:29:59.999Z'],
  ['2020-02-29T00:00:00Z', '2020-02-29T00:00:00.000Z'],
  [1_519_461_921_893, '2018-02-24T08:45:21.893Z'],
  [0, '1970-01-01T00:00:00.000Z'],
])('%s is %s', (input, output) => {
  expect(formatTimestamp(parseTimestampMs(input) ?? Number.NaN)).toBe(output);
});

test.each([
  '2018-02-30T00:00:00Z',
  '2019-02-29T00:00:00Z',
  '2018-13-01T00:00:00Z',
  '2018-00-10T00:00:00Z',
  '2018-02-24T24:00:00Z',
  '2018-02-24T08:60:00Z',
  '2018-02-24T08:45:60Z',
  '2018-02-24T08:45:21',
  '2018-02-24 08:45:21Z',
  '2018-02-24',
  'yesterday',
  '',
  '2018-02-24T08:45:21.Z',
  '2018-02-24T08:45:21+25:00',
  '1519461921893',
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  9e15,
  null,
  true,
  {},
])('%s is no timestamp', (input) => {
  expect(parseTimestampMs(input)).toBeUndefined();
});
