// A clock that somebody sets: not trusted until it has kept still for a minute, then what was ahead of it may be right.
import { expect, onTestFinished, test } from 'vitest';
import { ClockWatch } from '../../shared/clock-watch.ts';

function watched() {
  const now = { wallMs: Date.UTC(2026, 0, 1), monotonicMs: 5_000 };
  let settled = 0;
  const clock = { nowMs: () => now.wallMs, monotonicMs: () => now.monotonicMs };
  const watch = new ClockWatch(clock, () => (settled += 1));
  onTestFinished(() => watch.stop());
  return {
    watch,
    settled: () => settled,
    /** So much time passes, while the clock is set by `setMs`. */
    pass: (ms: number, setMs = 0) => {
      now.wallMs += ms + setMs;
      now.monotonicMs += ms;
      watch.look();
    },
  };
}

test.each([
  -86_400_000,
  -61_000,
  61_000,
  400 * 86_400_000,
])('set by %i ms it is a step, until it has kept still', (setMs) => {
  const { watch, settled, pass } = watched();
  pass(1_000);
  expect(watch.step).toBeNull();
  pass(1_000, setMs);
  expect(watch.step).toEqual({ byMs: setMs, leftMs: 60_000 });
  pass(59_000);
  expect(watch.step).toEqual({ byMs: setMs, leftMs: 1_000 });
  expect(settled()).toBe(0);
  pass(1_000);
  expect(watch.step).toBeNull();
  expect(settled()).toBe(1);
});

test('a second step begins the minute anew', () => {
  const { watch, settled, pass } = watched();
  pass(1_000, 3_600_000);
  pass(50_000);
  pass(1_000, -3_600_000);
  pass(50_000);
  expect(watch.step).toMatchObject({ byMs: -3_600_000 });
  pass(10_000);
  expect([watch.step, settled()]).toEqual([null, 1]);
});

test('a clock that is corrected little by little, or by less than a minute, is none', () => {
  const { watch, pass } = watched();
  for (let second = 0; second < 600; second++) pass(1_000, 500);
  pass(1_000, 59_000);
  expect(watch.step).toBeNull();
});
