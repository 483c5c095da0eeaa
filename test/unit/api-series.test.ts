// Series: how buckets are cut at resets and adjustments, and what they add up to.
import { expect, test } from 'vitest';
import { foldBucket, type Piece, piecesOf, type Turn, turnsIn } from '../../api/series.ts';
import type { Change } from '../../shared/fact.ts';
import { Floorplan } from '../../shared/floorplan.ts';
import type { ResetId, SpaceId } from '../../shared/ids.ts';
import type { Profile } from '../../shared/storage/history.ts';

const A = 'A' as SpaceId;
const set = (atMs: number, count: number): Turn => ({ atMs, count, change: 0 });
const adjust = (atMs: number, change: number): Turn => ({ atMs, count: null, change });

const cut = (fromMs: number, untilMs: number, ...turns: Turn[]): string =>
  piecesOf({ fromMs, untilMs }, turns)
    .map((piece) => `${piece.fromMs}-${piece.untilMs}${piece.turn === null ? '' : '*'}`)
    .join(' ');

test.each([
  ['nothing', cut(100, 200), '100-200'],
  ['a turn in the middle', cut(100, 200, set(150, 0)), '100-150 150-151* 151-200'],
  ['a turn at the beginning', cut(100, 200, set(100, 0)), '100-101* 101-200'],
  ['a turn in the last millisecond', cut(100, 200, set(199, 0)), '100-199 199-200*'],
  ['turns side by side', cut(100, 200, set(150, 0), adjust(151, 1)), '100-150 150-151* 151-152* 152-200'],
])('a bucket with %s', (_, pieces, expected) => {
  expect(pieces).toBe(expected);
});

type Given = { readonly turn?: Turn } & Partial<Profile>;

function fold(opening: number, ...given: Given[]): string {
  const pieces = given.map(({ turn = null }, index): Piece => ({ fromMs: index, untilMs: index + 1, turn }));
  const profiles = given.map(
    ({ entrances = 0, exits = 0, lowest = 0, highest = 0 }): Profile => ({ entrances, exits, lowest, highest }),
  );
  const bucket = foldBucket({ fromMs: 0, untilMs: 9 }, opening, pieces, profiles);
  return `${bucket.count} min ${bucket.min} max ${bucket.max} +${bucket.entrances} -${bucket.exits}`;
}

test('an empty bucket keeps the opening value', () => {
  expect(fold(5, {})).toBe('5 min 5 max 5 +0 -0');
});

test('extremes are those of the running count', () => {
  expect(fold(5, { entrances: 3, exits: 4, lowest: -2, highest: 2 })).toBe('4 min 3 max 7 +3 -4');
});

test('a reset sets the count after the events of its millisecond, which are counted as crossings', () => {
  expect(
    fold(5, { entrances: 1, highest: 1 }, { turn: set(1, 0), entrances: 4, highest: 4 }, { entrances: 2, highest: 2 }),
  ).toBe('2 min 0 max 6 +7 -0');
});

test('an adjustment changes the count together with the events of its millisecond and is no crossing', () => {
  expect(fold(5, {}, { turn: adjust(1, -3), entrances: 1, highest: 1 }, {})).toBe('3 min 3 max 5 +1 -0');
});

test('turns are resets and adjustments in force, in order; a reset hides an adjustment of its instant', () => {
  const plan = new Floorplan();
  const reset = (id: string, atMs: number, count: number | null, change: number | null): Change => ({
    kind: 'reset',
    id: id as ResetId,
    spaceId: A,
    atMs,
    count,
    change,
    reason: null,
  });
  const changes: Change[] = [
    { kind: 'space_version', id: A, fromMs: null, parentId: null, timeZone: 'UTC', dailyReset: null },
    reset('before', 99, 1, null),
    reset('first', 100, 2, null),
    reset('two', 150, null, 2),
    reset('three', 150, null, 3),
    reset('revoked', 160, null, 7),
    { kind: 'reset_revoked', id: 'revoked' as ResetId },
    reset('hidden', 170, null, 9),
    reset('hides', 170, 4, null),
    reset('after', 200, 5, null),
  ];
  for (const [index, change] of changes.entries()) plan.apply({ number: index + 1, recordedAtMs: 0, by: null, change });
  expect(turnsIn(plan, A, { fromMs: 100, untilMs: 200 })).toEqual([set(100, 2), adjust(150, 5), set(170, 4)]);
});
