// Messages of DPUs, judged: which events may count, and the reason why others may not.
import { expect, test } from 'vitest';
import type { DpuId } from '../../shared/ids.ts';
import { judgeMessage } from '../../shared/message.ts';

const NOW = Date.UTC(2026, 0, 15, 9);
const RULES = { receivedAtMs: NOW, futureAllowedMs: 300_000 };
const judge = (text: string) => {
  const judged = judgeMessage('d' as DpuId, text, RULES);
  if ('rejected' in judged) return `message ${judged.rejected.reason}`;
  return judged.verdicts.map((verdict) => ('event' in verdict ? 'event' : verdict.reason)).join();
};
const at = (ms: number) => JSON.stringify({ timestamp: ms, direction: 1 });

test.each([
  ['{"timestamp":"2026-01-15T09:00:00Z","direction":1}', 'event'],
  ['{"timestamp":"2026-01-15T09:00:00Z","direction":-1,"epoch":0,"seq":7,"battery":3.1,"a":{"b":[]}}', 'event'],
  ['{"timestamp":"2026-01-15T09:00:00Z","direction":1,"epoch":null,"seq":null}', 'event'],
  ['[]', ''],
  [`[${at(NOW)},${at(NOW + 1)}]`, 'event,event'],
  [`[${at(NOW)},{"direction":1},${at(NOW + 300_001)},7]`, 'event,malformed,clock_in_future,malformed'],
  [at(NOW + 300_000), 'event'],
  [at(NOW + 300_001), 'clock_in_future'],
  [at(Date.UTC(2000, 0, 1)), 'event'],
  [at(Date.UTC(2000, 0, 1) - 1), 'too_old'],
  [at(-1), 'too_old'],
  ['', 'message malformed'],
  ['{', 'message malformed'],
  ['null', 'malformed'],
  ['"text"', 'malformed'],
  ['{}', 'malformed'],
  ['{"timestamp":"2026-01-15T09:00:00Z"}', 'malformed'],
  ['{"timestamp":"2026-01-15T09:00:00Z","direction":0}', 'malformed'],
  ['{"timestamp":"2026-01-15T09:00:00Z","direction":"1"}', 'malformed'],
  ['{"timestamp":"2026-01-15T09:00:00Z","direction":2}', 'malformed'],
  ['{"timestamp":"2026-01-15","direction":1}', 'malformed'],
  ['{"timestamp":1.5,"direction":1}', 'malformed'],
  ['{"timestamp":"2026-01-15T09:00:00Z","direction":1,"seq":-1}', 'malformed'],
  ['{"timestamp":"2026-01-15T09:00:00Z","direction":1,"seq":1.5}', 'malformed'],
  ['{"timestamp":"2026-01-15T09:00:00Z","direction":1,"epoch":9007199254740993}', 'malformed'],
  [`[${new Array(1_001).fill(at(NOW)).join()}]`, 'message malformed'],
])('%s: %s', (text, expected) => {
  expect(judge(text)).toBe(expected);
});
