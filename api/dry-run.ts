// A dry run: what changes of the floor plan would do to the counts of each space, day by day, before anything is recorded.
import type { Atlas, Remapping } from '../shared/atlas.ts';
import { bucketStartMs, localDate } from '../shared/calendar.ts';
import { eventsOfDpu } from '../shared/event-stream.ts';
import type { Change, Fact } from '../shared/fact.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import { atlasAt } from '../shared/hindsight.ts';
import type { SpaceId } from '../shared/ids.ts';
import { deltaOf } from '../shared/mapping.ts';
import { adjustmentsBetween, resetAt, resetsBetween } from '../shared/reset.ts';
import { formatTimestamp } from '../shared/timestamp.ts';
import { versionAt } from '../shared/versions.ts';
import type { PastSources } from './count.ts';
import { countsAtMoments } from './counts-at-moments.ts';

/** What one event's new mapping changes in a space. */
type Shift = { readonly atMs: number; readonly change: number };
type Plans = { readonly before: Floorplan; readonly after: Floorplan };
type Sources = Pick<PastSources, 'facts' | 'history' | 'clock'>;

/** `day` of the space, by its local date. */
type Day = { date: string; count_before: number; count_after: number; largest_difference: number };
type SpaceDifference = { space_id: SpaceId; from: string; until: string; days: Day[] };

/** Thrown instead of recording; it is the answer. */
export class DryRunDone extends Error {
  readonly answer: DryRun;
  constructor(answer: DryRun) {
    super('nothing was recorded');
    this.answer = answer;
  }
}

export type DryRun = { readonly spaces: readonly SpaceDifference[]; readonly events: number };

/** The differences that recording `changes` now would make, up to now. */
export async function dryRun(sources: Sources, changes: readonly Change[]): Promise<DryRun> {
  const nowMs = sources.clock.nowMs();
  const { plan: before } = atlasAt(sources.facts, Number.POSITIVE_INFINITY);
  const atlas = atlasAt(sources.facts, Number.POSITIVE_INFINITY);
  const remappings = changes.flatMap((change, index) =>
    atlas.apply(factOf(change, before.factNumber + 1 + index, nowMs)),
  );
  const { shifts, events } = await shiftsOf(sources, atlas, new Set(remappings.map(({ dpuId }) => dpuId)));
  const plans = { before, after: atlas.plan };
  const spaces: SpaceDifference[] = [];
  for (const spaceId of touchedSpaces(plans, changes, shifts)) {
    const difference = await differenceOf(sources, plans, spaceId, shifts.get(spaceId) ?? [], nowMs);
    if (difference !== null) spaces.push(difference);
  }
  return { spaces, events };
}

function factOf(change: Change, number: number, recordedAtMs: number): Fact {
  return { number, recordedAtMs, by: null, change };
}

/** Every event that `atlas` maps differently from how the facts so far do, as what it shifts in each space. */
async function shiftsOf({ facts, history }: Sources, atlas: Atlas, dpuIds: ReadonlySet<Remapping['dpuId']>) {
  const known = atlasAt(facts, Number.POSITIVE_INFINITY);
  const shifts = new Map<SpaceId, Shift[]>();
  let events = 0;
  for (const dpuId of dpuIds) {
    for (const { was, becomes, fromMs, untilMs } of atlas.remappedSince(known, dpuId)) {
      const span = { fromMs: Math.max(fromMs, 0), untilMs: Math.min(untilMs, Number.MAX_SAFE_INTEGER) };
      const spaces = new Set([...was.enters, ...was.leaves, ...becomes.enters, ...becomes.leaves]);
      for await (const { timestampMs: atMs, direction } of eventsOfDpu(history, dpuId, clamp(span))) {
        events += 1;
        for (const spaceId of spaces) {
          const change = deltaOf(becomes, direction, spaceId) - deltaOf(was, direction, spaceId);
          if (change === 0) continue;
          const list = shifts.get(spaceId);
          if (list === undefined) shifts.set(spaceId, [{ atMs, change }]);
          else list.push({ atMs, change });
        }
      }
    }
  }
  for (const list of shifts.values()) list.sort((one, other) => one.atMs - other.atMs);
  return { shifts, events };
}

/** The range that `Date` can hold. */
const LATEST_MS = 8.64e15;
function clamp({ fromMs, untilMs }: { fromMs: number; untilMs: number }) {
  return { fromMs, untilMs: Math.min(untilMs, LATEST_MS) };
}

function touchedSpaces(
  { before }: Plans,
  changes: readonly Change[],
  shifts: ReadonlyMap<SpaceId, unknown>,
): SpaceId[] {
  const touched = new Set(shifts.keys());
  for (const change of changes) {
    if (change.kind === 'reset') touched.add(change.spaceId);
    if (change.kind === 'space_version') touched.add(change.id);
    const revoked = change.kind === 'reset_revoked' ? before.spaceOfReset.get(change.id) : undefined;
    if (revoked !== undefined) touched.add(revoked);
  }
  return [...touched].sort();
}

/** Null when no count of the space changes. */
async function differenceOf(
  { history }: Sources,
  plans: Plans,
  spaceId: SpaceId,
  shifts: readonly Shift[],
  nowMs: number,
): Promise<SpaceDifference | null> {
  const moments = momentsOf(plans, spaceId, shifts, nowMs);
  const zone = versionAt(plans.after.spaces.get(spaceId)?.versions ?? [], nowMs)?.timeZone ?? 'UTC';
  const days = new Map<string, Day>();
  let [fromMs, untilMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const shiftedIn = sumsOf(shifts);
  const isMoved = (atMs: number) => !isSameStart(plans, spaceId, atMs);
  const countsAt = (asked: readonly number[]) => countsAtMoments(history, spaceId, [plans.before, plans.after], asked);
  const differenceAt = (atMs: number, count: Awaited<ReturnType<typeof countsAt>>): number => {
    const start = resetAt(plans.after, spaceId, atMs);
    const shifted = shiftedIn(start?.atMs ?? Number.NEGATIVE_INFINITY, atMs);
    return isMoved(atMs) ? count(plans.after, atMs) - count(plans.before, atMs) + shifted : shifted;
  };
  const countAtMoment = await countsAt(moments.filter(isMoved));
  for (const [index, atMs] of moments.entries()) {
    const difference = differenceAt(atMs, countAtMoment);
    if (difference === 0) continue;
    const endMs = moments[index + 1] ?? nowMs + 1;
    fromMs = Math.min(fromMs, atMs);
    untilMs = Math.max(untilMs, endMs);
    for (let dayMs = bucketStartMs(atMs, '1d', zone); dayMs < endMs; dayMs = nextDayMs(dayMs, zone)) {
      const date = localDate(dayMs, zone).toString();
      const day = days.get(date) ?? { date, count_before: 0, count_after: 0, largest_difference: 0 };
      if (Math.abs(difference) > Math.abs(day.largest_difference)) day.largest_difference = difference;
      days.set(date, day);
    }
  }
  if (days.size === 0) return null;
  const endOf = ({ date }: Day): number => {
    const startMs = Temporal.PlainDate.from(date).toZonedDateTime(zone).epochMilliseconds;
    return Math.min(nextDayMs(startMs, zone) - 1, nowMs);
  };
  const countAtEnd = await countsAt([...days.values()].map(endOf));
  for (const day of days.values()) {
    day.count_before = countAtEnd(plans.before, endOf(day));
    day.count_after = day.count_before + differenceAt(endOf(day), countAtEnd);
  }
  const sorted = [...days.values()].sort((one, other) => (one.date < other.date ? -1 : 1));
  return { space_id: spaceId, from: formatTimestamp(fromMs), until: formatTimestamp(untilMs), days: sorted };
}

/** Every moment up to now at which the difference may turn. */
function momentsOf({ before, after }: Plans, spaceId: SpaceId, shifts: readonly Shift[], nowMs: number): number[] {
  const moments = new Set(shifts.map(({ atMs }) => atMs).filter((atMs) => atMs <= nowMs));
  const firstMs = Math.min(
    shifts[0]?.atMs ?? Number.POSITIVE_INFINITY,
    ...[...(before.resets.get(spaceId) ?? []), ...(after.resets.get(spaceId) ?? [])].map(({ atMs }) => atMs),
    ...(after.spaces.get(spaceId)?.versions ?? []).flatMap(({ fromMs }) => (fromMs === null ? [] : [fromMs])),
  );
  const sinceMs = Number.isFinite(firstMs) ? firstMs - 1 : nowMs;
  for (const plan of [before, after]) {
    for (const { atMs } of resetsBetween(plan, spaceId, sinceMs, nowMs)) moments.add(atMs);
    for (const { atMs } of adjustmentsBetween(plan, spaceId, sinceMs, nowMs)) moments.add(atMs);
  }
  return [...moments].sort((one, other) => one - other);
}

/** True when the count at `atMs` starts and is adjusted alike in both plans, so that only events tell it apart. */
function isSameStart({ before, after }: Plans, spaceId: SpaceId, atMs: number): boolean {
  const [one, other] = [resetAt(before, spaceId, atMs), resetAt(after, spaceId, atMs)];
  if (one?.atMs !== other?.atMs || one?.count !== other?.count) return false;
  const sinceMs = one?.atMs ?? Number.NEGATIVE_INFINITY;
  const sum = (plan: Floorplan) =>
    adjustmentsBetween(plan, spaceId, sinceMs, atMs).reduce((total, { change }) => total + (change ?? 0), 0);
  return sum(before) === sum(after);
}

/** The sum of the shifts in (afterMs, untilMs], which must be in order; O(log n). */
function sumsOf(shifts: readonly Shift[]): (afterMs: number, untilMs: number) => number {
  const sums = [0];
  for (const { change } of shifts) sums.push((sums.at(-1) ?? 0) + change);
  const upTo = (atMs: number): number => {
    let [low, high] = [0, shifts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((shifts[middle] as Shift).atMs <= atMs) low = middle + 1;
      else high = middle;
    }
    return sums[low] ?? 0;
  };
  return (afterMs, untilMs) => upTo(untilMs) - upTo(afterMs);
}

function nextDayMs(dayMs: number, zone: string): number {
  return localDate(dayMs, zone).add({ days: 1 }).toZonedDateTime(zone).epochMilliseconds;
}
