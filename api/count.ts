// The count of a space at a moment: where its latest reset put it, plus what has crossed and was adjusted since.
import type { Clock } from '../shared/clock.ts';
import type { Fact } from '../shared/fact.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import { type Hindsight, hindsightOf, knownNet, newestFactBy, resetsKnownAt } from '../shared/hindsight.ts';
import type { SpaceId } from '../shared/ids.ts';
import { adjustmentsBetween, type ResetPlan, resetAt, type Start } from '../shared/reset.ts';
import type { HistoryReader } from '../shared/storage/history.ts';
import type { LiveCount, LiveReader } from '../shared/storage/live.ts';
import { invalidField, Problem } from './problem.ts';

export type CountSources = {
  readonly plan: Floorplan;
  readonly history: Omit<HistoryReader, 'close'> & LiveReader;
  readonly clock: Clock;
};

/** What it takes to answer as of an earlier moment. */
export type PastSources = CountSources & { readonly facts: readonly Fact[] };

export type Counted = {
  readonly spaceId: SpaceId;
  /** The moment that the count holds for. */
  readonly atMs: number;
  readonly count: number;
  /** The reset that it starts from. */
  readonly start: Start | null;
  readonly revision: number;
};

/** The moment asked for; null for now, which a moment slightly ahead of the clock means too. */
export function momentAsked(atMs: number | undefined, clock: Clock, futureAllowedMs: number): number | null {
  if (atMs === undefined) return null;
  const aheadMs = atMs - clock.nowMs();
  if (aheadMs <= 0) return atMs;
  if (aheadMs <= futureAllowedMs) return null;
  throw new Problem('at_in_future', 'ask for a moment that has been, or leave `at` out for now', {
    errors: [{ path: 'query.at', message: `it is ${Math.ceil(aheadMs / 1000)} s ahead of the clock of the service` }],
  });
}

/** The count of each space, in their order, at `atMs` or (null) now. */
export function countsOf(sources: CountSources, spaceIds: readonly SpaceId[], atMs: number | null): Promise<Counted[]> {
  return atMs === null ? countsNow(sources, spaceIds) : countsAt(sources, spaceIds, atMs);
}

async function countsAt(sources: CountSources, spaceIds: readonly SpaceId[], atMs: number): Promise<Counted[]> {
  // First, so that no count is older than its revision.
  const live = await sources.history.counts(spaceIds);
  const counted = await Promise.all(spaceIds.map((spaceId) => countAt(sources, spaceId, atMs)));
  return counted.map((one, index) => ({ ...one, revision: live[index]?.revision ?? 0 }));
}

async function countsNow(sources: CountSources, spaceIds: readonly SpaceId[]): Promise<Counted[]> {
  const live = await sources.history.counts(spaceIds);
  // Read after the answer, so that an event of this very moment is not taken for one that is still to come.
  const nowMs = sources.clock.nowMs();
  return Promise.all(live.map((one) => countFromLive(sources, one, nowMs)));
}

/** A live count is of use only if no event in it is yet to come and it starts from the reset that holds now. */
async function countFromLive(sources: CountSources, live: LiveCount, nowMs: number): Promise<Counted> {
  const { spaceId, revision } = live;
  const start = resetAt(sources.plan, spaceId, nowMs);
  const isOfNow = live.startAtMs === (start?.atMs ?? null) && (live.newestMs === null || live.newestMs <= nowMs);
  if (!isOfNow) return { ...(await countAt(sources, spaceId, nowMs)), revision };
  return { spaceId, atMs: nowMs, count: countFrom(sources.plan, spaceId, start, nowMs, live.net), start, revision };
}

/** The count of one space at `atMs`, from history. */
export async function countAt(
  { plan, history }: Pick<CountSources, 'plan' | 'history'>,
  spaceId: SpaceId,
  atMs: number,
): Promise<Omit<Counted, 'revision'>> {
  const start = resetAt(plan, spaceId, atMs);
  const since = await history.net(spaceId, start?.atMs ?? null, atMs);
  return { spaceId, atMs, count: countFrom(plan, spaceId, start, atMs, since), start };
}

/** The count of each space, in their order, at `atMs` as anyone would have been told at `knownAtMs`. */
export async function countsKnownAt(
  { facts, history }: Pick<PastSources, 'facts' | 'history'>,
  spaceIds: readonly SpaceId[],
  atMs: number,
  knownAtMs: number,
): Promise<Counted[]> {
  const plan = resetsKnownAt(facts, spaceIds, knownAtMs);
  const netKnownAt = history.netKnownAt ?? netFromEvents(history, facts);
  const live = await history.counts(spaceIds);
  return Promise.all(
    spaceIds.map(async (spaceId, index) => {
      const start = resetAt(plan, spaceId, atMs);
      const since = await netKnownAt(spaceId, start?.atMs ?? null, atMs, knownAtMs);
      const revision = live[index]?.revision ?? 0;
      return { spaceId, atMs, count: countFrom(plan, spaceId, start, atMs, since), start, revision };
    }),
  );
}

/** `netKnownAt` of a back-end without a late ledger. */
function netFromEvents(
  history: CountSources['history'],
  facts: readonly Fact[],
): Required<HistoryReader>['netKnownAt'] {
  const { net, events, recordedAfter } = history;
  if (recordedAfter === undefined) throw new Error('a history has a late ledger, or tells what came after a moment');
  let hindsight: Hindsight | undefined;
  return (spaceId, afterMs, untilMs, knownAtMs) => {
    hindsight ??= hindsightOf(facts, knownAtMs);
    const fromMs = afterMs === null ? Number.NEGATIVE_INFINITY : afterMs + 1;
    return knownNet({ net, events, recordedAfter }, hindsight, spaceId, { fromMs, untilMs: untilMs + 1 });
  };
}

/**
 * The newest fact whose recount must be done before counts can be told as of `knownAtMs`: with a late ledger that of
 * those days, without one the newest of all.
 */
export function factToAwait({ facts, history }: Pick<PastSources, 'facts' | 'history'>, knownAtMs: number): number {
  return history.netKnownAt === undefined ? facts.length : newestFactBy(facts, knownAtMs);
}

/** The moment that is asked about and the one it was known at, which must not come before it. */
export function knownAsked(atMs: number | null, knownAtMs: number, clock: Clock): number {
  const nowMs = clock.nowMs();
  if (atMs === null || atMs > knownAtMs) {
    throw invalidField('query.known_at', 'ask with `at` for a moment not after known_at: nobody knew it before it was');
  }
  if (knownAtMs > nowMs) throw invalidField('query.known_at', 'it must not be ahead of the clock of the service');
  return atMs;
}

/** count(A, T) = c + Σ deltas with r < timestamp <= T, where (r, c) is the latest reset; adjustments act like deltas. */
export function countFrom(plan: ResetPlan, spaceId: SpaceId, start: Start | null, atMs: number, since: number): number {
  let count = (start?.count ?? 0) + since;
  for (const { change } of adjustmentsBetween(plan, spaceId, start?.atMs ?? Number.NEGATIVE_INFINITY, atMs)) {
    count += change ?? 0;
  }
  return count;
}
