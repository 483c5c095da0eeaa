// A series: what the count of a space did in each of a row of buckets.
import type { Floorplan } from '../shared/floorplan.ts';
import type { SpaceId } from '../shared/ids.ts';
import { adjustmentsBetween, resetsBetween } from '../shared/reset.ts';
import type { Profile, Span } from '../shared/storage/history.ts';
import { type CountSources, countAt } from './count.ts';

export type BucketCount = Span & {
  /** At the bucket's end - 1 ms. */
  readonly count: number;
  /** Over the opening value, resets, and the count after each millisecond with events. */
  readonly min: number;
  readonly max: number;
  readonly entrances: number;
  readonly exits: number;
};

/** The count turns at `atMs` other than by events: it is set to `count`, or changed by `change` after that millisecond's events. */
export type Turn = { readonly atMs: number; readonly count: number | null; readonly change: number };

/** Every reset and adjustment in [fromMs, untilMs), in order, one an instant; a reset hides adjustments of its instant. */
export function turnsIn(plan: Floorplan, spaceId: SpaceId, { fromMs, untilMs }: Span): Turn[] {
  const turns = new Map<number, Turn>();
  for (const { atMs, change } of adjustmentsBetween(plan, spaceId, fromMs - 1, untilMs - 1)) {
    turns.set(atMs, { atMs, count: null, change: (turns.get(atMs)?.change ?? 0) + (change ?? 0) });
  }
  for (const { atMs, count } of resetsBetween(plan, spaceId, fromMs - 1, untilMs - 1)) {
    turns.set(atMs, { atMs, count, change: 0 });
  }
  return [...turns.values()].sort((one, other) => one.atMs - other.atMs);
}

/** A stretch of a bucket; with a turn it is that one millisecond, whose events come before the turn. */
export type Piece = Span & { readonly turn: Turn | null };

/** The bucket cut at the turns in it; the pieces join up and none is empty. */
export function piecesOf(bucket: Span, turns: readonly Turn[]): Piece[] {
  const pieces: Piece[] = [];
  let fromMs = bucket.fromMs;
  for (const turn of turns) {
    if (turn.atMs > fromMs) pieces.push({ fromMs, untilMs: turn.atMs, turn: null });
    fromMs = turn.atMs + 1;
    pieces.push({ fromMs: turn.atMs, untilMs: fromMs, turn });
  }
  if (fromMs < bucket.untilMs) pieces.push({ fromMs, untilMs: bucket.untilMs, turn: null });
  return pieces;
}

/** What the bucket adds up to when it opens at `opening` and each of `pieces` has the profile at its index. */
export function foldBucket(
  bucket: Span,
  opening: number,
  pieces: readonly Piece[],
  profiles: readonly Profile[],
): BucketCount {
  const sum = { count: opening, min: opening, max: opening, entrances: 0, exits: 0 };
  const cover = (...values: number[]): void => {
    sum.min = Math.min(sum.min, ...values);
    sum.max = Math.max(sum.max, ...values);
  };
  for (const [index, { turn }] of pieces.entries()) {
    const { entrances, exits, lowest, highest } = profiles[index] as Profile;
    sum.entrances += entrances;
    sum.exits += exits;
    if (turn === null) cover(sum.count + lowest, sum.count + highest);
    sum.count += entrances - exits;
    if (turn === null) continue;
    sum.count = turn.count ?? sum.count + turn.change;
    cover(sum.count);
  }
  return { ...bucket, ...sum };
}

/** The counts of `buckets`, which join up and are in order. */
export async function seriesOf(
  { plan, history }: Pick<CountSources, 'plan' | 'history'>,
  spaceId: SpaceId,
  buckets: readonly Span[],
): Promise<BucketCount[]> {
  const first = buckets[0];
  const last = buckets.at(-1);
  if (first === undefined || last === undefined) return [];
  const turns = turnsIn(plan, spaceId, { fromMs: first.fromMs, untilMs: last.untilMs });
  let turnsDone = 0;
  const cut = buckets.map((bucket) => {
    const firstTurn = turnsDone;
    while ((turns[turnsDone]?.atMs ?? Number.POSITIVE_INFINITY) < bucket.untilMs) turnsDone += 1;
    return piecesOf(bucket, turns.slice(firstTurn, turnsDone));
  });
  const [opening, profiles] = await Promise.all([
    countAt({ plan, history }, spaceId, first.fromMs - 1),
    history.profiles(spaceId, cut.flat()),
  ]);
  let count = opening.count;
  let pieces = 0;
  return buckets.map((bucket, index) => {
    const own = cut[index] ?? [];
    const folded = foldBucket(bucket, count, own, profiles.slice(pieces, pieces + own.length));
    pieces += own.length;
    count = folded.count;
    return folded;
  });
}
