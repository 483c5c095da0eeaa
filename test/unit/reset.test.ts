// Where a count starts: manual resets, the daily one, and which beats which.
import { expect, test } from 'vitest';
import type { Change } from '../../shared/fact.ts';
import { Floorplan } from '../../shared/floorplan.ts';
import type { ResetId, SpaceId } from '../../shared/ids.ts';
import { adjustmentsBetween, resetAt, resetsBetween } from '../../shared/reset.ts';

const SPACE = 'cafe' as SpaceId;

function planOf(...changes: Change[]): Floorplan {
  const plan = new Floorplan();
  for (const [index, change] of changes.entries())
    plan.apply({ number: index + 1, recordedAtMs: index, by: null, change });
  return plan;
}

function version(dailyReset: string | null, timeZone = 'Europe/Berlin', from: string | null = null): Change {
  const fromMs = from === null ? null : Date.parse(from);
  return { kind: 'space_version', id: SPACE, fromMs, parentId: null, timeZone, dailyReset };
}

function reset(id: string, at: string, count: number | null, change: number | null = null): Change {
  return { kind: 'reset', id: id as ResetId, spaceId: SPACE, atMs: Date.parse(at), count, change, reason: null };
}

const startOf = (plan: Floorplan, at: string) => {
  const start = resetAt(plan, SPACE, Date.parse(at));
  return start === null ? null : `${new Date(start.atMs).toISOString()} ${start.count}`;
};

test('without any reset a count starts nowhere', () => {
  expect(startOf(planOf(version(null)), '2026-05-01T00:00:00Z')).toBeNull();
});

test.each([
  ['2026-05-02T01:59:59.999Z', '2026-05-01T02:00:00.000Z 0'],
  ['2026-05-02T02:00:00Z', '2026-05-02T02:00:00.000Z 0'],
  ['2026-01-02T03:00:00Z', '2026-01-02T03:00:00.000Z 0'],
])('a daily reset at 04:00 in Berlin: at %s the count starts at %s', (at, start) => {
  expect(startOf(planOf(version('04:00')), at)).toBe(start);
});

test('a daily reset in the hour that is skipped is at the change; in the one that comes twice, at its first', () => {
  const plan = planOf(version('02:30'));
  expect(startOf(plan, '2026-03-29T12:00:00Z')).toBe('2026-03-29T01:00:00.000Z 0');
  expect(startOf(plan, '2026-10-25T12:00:00Z')).toBe('2026-10-25T00:30:00.000Z 0');
});

test('a date that the zone left out has no reset', () => {
  const plan = planOf(version('04:00', 'Pacific/Apia'));
  const all = resetsBetween(plan, SPACE, Date.parse('2011-12-28T14:00:00Z'), Date.parse('2012-01-01T00:00:00Z'));
  expect(all.map((start) => new Date(start.atMs).toISOString())).toEqual([
    '2011-12-29T14:00:00.000Z',
    '2011-12-30T14:00:00.000Z',
    '2011-12-31T14:00:00.000Z',
  ]);
});

test('the version of the space that held then says when', () => {
  const plan = planOf(
    version('04:00', 'UTC'),
    version(null, 'UTC', '2026-05-10T00:00:00Z'),
    version('06:00', 'UTC', '2026-05-20T05:00:00Z'),
  );
  expect(startOf(plan, '2026-05-15T00:00:00Z')).toBe('2026-05-09T04:00:00.000Z 0');
  expect(startOf(plan, '2026-05-20T05:59:00Z')).toBe('2026-05-09T04:00:00.000Z 0');
  expect(startOf(plan, '2026-05-20T06:00:00Z')).toBe('2026-05-20T06:00:00.000Z 0');
});

test('the later reset holds; at one instant a manual one beats the daily one, then the later recorded', () => {
  const plan = planOf(
    version('04:00', 'UTC'),
    reset('a', '2026-05-01T04:00:00Z', 7),
    reset('b', '2026-05-01T04:00:00Z', 9),
  );
  expect(startOf(plan, '2026-05-01T12:00:00Z')).toBe('2026-05-01T04:00:00.000Z 9');
  expect(startOf(plan, '2026-05-02T04:00:00Z')).toBe('2026-05-02T04:00:00.000Z 0');
  expect(startOf(plan, '2026-05-01T03:59:59.999Z')).toBe('2026-04-30T04:00:00.000Z 0');
});

test('a revoked reset is as if it never was', () => {
  const plan = planOf(version(null), reset('a', '2026-05-01T00:00:00Z', 7), {
    kind: 'reset_revoked',
    id: 'a' as ResetId,
  });
  expect(startOf(plan, '2026-05-01T12:00:00Z')).toBeNull();
});

test('adjustments count in (after, until], and never as a start', () => {
  const plan = planOf(
    version(null),
    reset('a', '2026-05-01T00:00:00Z', null, 3),
    reset('b', '2026-05-01T01:00:00Z', null, -1),
  );
  const between = (after: string, until: string) =>
    adjustmentsBetween(plan, SPACE, Date.parse(after), Date.parse(until)).map((entry) => entry.change);
  expect(startOf(plan, '2026-05-01T12:00:00Z')).toBeNull();
  expect(between('2026-05-01T00:00:00Z', '2026-05-01T01:00:00Z')).toEqual([-1]);
  expect(between('2026-04-30T23:59:59.999Z', '2026-05-01T00:59:59.999Z')).toEqual([3]);
});
