// The next messages of a webhook, made from what has changed since its place in the change feed.
//
//   changes since `cursor` ──▶ change, change, …
//           └─ their spaces, and those whose events came due ──▶ newest counts ──▶ count, …
//                                                                      └─────────▶ thresholds ──▶ threshold.crossed, …
import type { Clock } from '../../shared/clock.ts';
import type { SpaceId } from '../../shared/ids.ts';
import type { ChangeReader, CountChange } from '../../shared/storage/changes.ts';
import type { LiveReader } from '../../shared/storage/live.ts';
import { formatTimestamp } from '../../shared/timestamp.ts';
import { newMessage, type Webhook, type WebhookMessage, type WebhookProgress } from '../../shared/webhook.ts';
import type { Certainties } from '../certainty.ts';
import { type ChangeSources, changeShape } from '../changes.ts';
import { type Counted, type CountSources, countsOf } from '../count.ts';
import { countShape } from '../live/messages.ts';
import type { View } from '../view.ts';
import { judgeThresholds, stillAsked, type ThresholdEvent } from './thresholds.ts';

/** Changes and counts of one message, some 250 bytes each. */
const ITEMS_PER_MESSAGE = 100;
/** Changes read at once, and spaces of which counts are told in one step. */
const CHANGES_PER_STEP = 500;
/** Where only counts matter, so many pages of changes become one step. */
const PAGES_PER_STEP = 20;

export type ComposingSources = CountSources &
  ChangeSources & {
    readonly history: ChangeReader & LiveReader;
    readonly certainties: Certainties;
    readonly clock: Clock;
    readonly viewOf: (rootSpaceId: SpaceId | null, nowMs: number) => View;
  };

export type Step = {
  readonly messages: readonly WebhookMessage[];
  readonly progress: WebhookProgress;
  /** False: there may be more right behind it. */
  readonly isAtEnd: boolean;
};

type Read = {
  readonly changes: readonly CountChange[];
  readonly cursor: string;
  readonly isAtEnd: boolean;
  readonly isResync: boolean;
};

/** The next step of a webhook; without messages when nothing is to be told. */
export async function compose(sources: ComposingSources, webhook: Webhook, progress: WebhookProgress): Promise<Step> {
  const { plan, clock } = sources;
  const { factNumber } = plan;
  const spaces = spacesOf(sources, webhook);
  const read = await readChanges(sources, webhook, progress.cursor, spaces);
  const isAnew = read.isResync || progress.revision !== webhook.revision;
  const due = await dueOf(sources, progress.ahead);
  const toCount = isAnew ? spaces : new Set([...read.changes.map(({ spaceId }) => spaceId), ...due.come]);
  const toJudge = factNumber === progress.factNumber ? toCount : judgedSpaces(webhook, spaces, toCount);
  const wants = new Set<string>(webhook.types);
  const isCounted = wants.has('count') || webhook.thresholds.length > 0;
  const counts = await countAll(sources, isCounted ? [...toJudge].filter((spaceId) => spaces.has(spaceId)) : []);
  const asked = stillAsked(webhook.thresholds, spaces, progress.crossed);
  const judged = judgeThresholds(plan, webhook.thresholds, counts.counted, asked);
  const at = formatTimestamp(clock.nowMs());
  const messages = [
    ...(read.isResync ? [newMessage('resync', at, { reason: RESYNC_REASON })] : []),
    ...(wants.has('change') ? changeMessages(sources, read, at) : []),
    ...(wants.has('count')
      ? await countMessages(
          sources,
          counts.counted.filter(({ spaceId }) => toCount.has(spaceId)),
          at,
        )
      : []),
    ...judged.events.filter(({ kind }) => wants.has(kind)).map((event) => thresholdMessage(event, at)),
  ];
  const next = {
    ...progress,
    cursor: read.cursor,
    revision: webhook.revision,
    factNumber,
    ahead: [...new Set([...due.waiting, ...counts.ahead])],
    crossed: judged.crossed,
  };
  return { messages, progress: next, isAtEnd: read.isAtEnd };
}

const RESYNC_REASON = 'changes between the message before and the next are no longer kept: read anew what you hold';

/** The spaces that the webhook is told of, as they are now. */
function spacesOf({ viewOf, clock }: ComposingSources, { rootSpaceId, spaceIds }: Webhook): ReadonlySet<SpaceId> {
  const { plan } = viewOf(rootSpaceId, clock.nowMs());
  if (spaceIds !== null) return new Set(spaceIds.filter((spaceId) => plan.spaces.has(spaceId)));
  return new Set([...plan.spaces.values()].filter(({ retiredAtMs }) => retiredAtMs === null).map(({ id }) => id));
}

/** Facts may have given a space another capacity, and with it other thresholds. */
function judgedSpaces({ thresholds }: Webhook, spaces: ReadonlySet<SpaceId>, more: ReadonlySet<SpaceId>) {
  const named = thresholds.flatMap(({ spaceId }) => (spaceId === null ? [...spaces] : [spaceId]));
  return new Set([...more, ...named]);
}

async function readChanges(
  { history }: ComposingSources,
  { types, rootSpaceId, spaceIds }: Webhook,
  from: string,
  spaces: ReadonlySet<SpaceId>,
): Promise<Read> {
  const filter = rootSpaceId === null && spaceIds === null ? null : [...spaces];
  const pages = types.includes('change') ? 1 : PAGES_PER_STEP;
  const changes: CountChange[] = [];
  const touched = new Set<SpaceId>();
  let cursor = from;
  for (let read = 0; read < pages && touched.size < CHANGES_PER_STEP; read++) {
    const page = await history.changes(cursor, filter, CHANGES_PER_STEP);
    if (typeof page === 'string') {
      return { changes: [], cursor: await history.newestChange(), isAtEnd: true, isResync: true };
    }
    for (const change of page.results) {
      if (types.includes('change') || !touched.has(change.spaceId)) changes.push(change);
      touched.add(change.spaceId);
    }
    if (page.next === cursor) return { changes, cursor, isAtEnd: true, isResync: false };
    cursor = page.next;
  }
  return { changes, cursor, isAtEnd: false, isResync: false };
}

/** Of the spaces with an event ahead of the clock: where it has come due, and where it has not. */
async function dueOf({ history, clock }: ComposingSources, ahead: readonly SpaceId[]) {
  if (ahead.length === 0) return { come: [], waiting: [] };
  const live = await history.counts(ahead);
  const nowMs = clock.nowMs();
  const isWaiting = (index: number) => (live[index]?.newestMs ?? 0) > nowMs;
  return {
    come: ahead.filter((_, index) => !isWaiting(index)),
    waiting: ahead.filter((_, index) => isWaiting(index)),
  };
}

/** Counts of now, and where an event is still to come. */
async function countAll(sources: ComposingSources, spaceIds: readonly SpaceId[]) {
  if (spaceIds.length === 0) return { counted: [], ahead: [] };
  const live = await sources.history.counts(spaceIds);
  const nowMs = sources.clock.nowMs();
  const ahead = live.filter(({ newestMs }) => (newestMs ?? 0) > nowMs).map(({ spaceId }) => spaceId);
  return { counted: await countsOf(sources, spaceIds, null), ahead };
}

function changeMessages(sources: ComposingSources, { changes, cursor }: Read, at: string): WebhookMessage[] {
  return portions(changes).map((portion) => {
    const next = portion.at(-1) === changes.at(-1) ? cursor : portion.at(-1)?.cursor;
    return newMessage('change', at, { next, results: portion.map((change) => changeShape(sources, change)) });
  });
}

async function countMessages(
  { certainties }: ComposingSources,
  counts: readonly Counted[],
  at: string,
): Promise<WebhookMessage[]> {
  const sure = await certainties.of(counts);
  const shapes = counts.map((counted, index) => countShape(counted, sure[index]?.status ?? 'provisional'));
  return portions(shapes).map((results) => newMessage('count', at, { results }));
}

function thresholdMessage({ kind, threshold, counted, capacity }: ThresholdEvent, timestamp: string): WebhookMessage {
  const { of, above, below } = threshold;
  const { spaceId, atMs, count, revision } = counted;
  const occupancy = Math.max(0, count);
  const at = formatTimestamp(atMs);
  const told = { space_id: spaceId, at, count, occupancy, capacity, revision };
  return newMessage(kind, timestamp, { ...told, threshold: { of, above, below } });
}

function portions<Item>(items: readonly Item[]): Item[][] {
  const count = Math.ceil(items.length / ITEMS_PER_MESSAGE);
  return Array.from({ length: count }, (_, index) =>
    items.slice(index * ITEMS_PER_MESSAGE, (index + 1) * ITEMS_PER_MESSAGE),
  );
}
