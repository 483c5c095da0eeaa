// The live feed of one process: while anybody reads, it follows the change feed and makes each message once for all of them.
//
//   change feed ──every 50 ms──▶ change, change, … then the count of each space that changed ──▶ the newest messages ──▶ readers
//                                        counts that become due by the clock alone ──┘
import type { Clock } from '../../shared/clock.ts';
import type { SpaceId } from '../../shared/ids.ts';
import type { Log } from '../../shared/log.ts';
import type { ChangeReader } from '../../shared/storage/changes.ts';
import type { LiveReader } from '../../shared/storage/live.ts';
import type { Certainties } from '../certainty.ts';
import type { ChangeSources } from '../changes.ts';
import { type Counted, type CountSources, countsOf } from '../count.ts';
import { type Body, changeMessage, countBody, type FeedBatch, type Message, type MessageId } from './messages.ts';

/** A change waits at most so long to be sent; longer where there are so many readers that writing to all takes its time. */
const POLL_MS = { least: 50, eachReader: 0.1, most: 200 };
const CHANGES_PER_POLL = 2_000;
/** Kept for readers that are behind, some 300 bytes each; who is further behind gets the newest counts only. */
const MESSAGES_KEPT = 20_000;

export type FeedSources = CountSources &
  ChangeSources & {
    readonly history: ChangeReader & LiveReader;
    readonly certainties: Certainties;
    readonly clock: Clock;
    readonly log: Log;
  };

export class LiveFeed {
  readonly #sources: FeedSources;
  readonly #listeners = new Set<() => void>();
  /** The newest messages in order; the first is number `#first` of all that were made. */
  #messages: Message[] = [];
  #first = 0;
  /** By the number of their first, up to the newest message. */
  readonly #batches = new Map<number, FeedBatch>();
  #last: MessageId | null = null;
  /** Spaces with an event that is still to come, by the clock of the service. */
  readonly #ahead = new Set<SpaceId>();
  #timer: NodeJS.Timeout | undefined;
  #starting: Promise<void> | null = null;
  #closed = false;

  constructor(sources: FeedSources) {
    this.#sources = sources;
  }

  /** Calls `onMessages` whenever there are more; the answer ends that. Resolves once every later change will be told. */
  async listen(onMessages: () => void): Promise<() => void> {
    const stop = () => {
      this.#listeners.delete(onMessages);
      if (this.#listeners.size === 0) this.#stop();
    };
    this.#listeners.add(onMessages);
    this.#starting ??= this.#start();
    try {
      await this.#starting;
    } catch (error) {
      // Whoever comes next begins anew.
      this.#starting = null;
      stop();
      throw error;
    }
    return stop;
  }

  /** The number of the next message. */
  get next(): number {
    return this.#first + this.#messages.length;
  }

  /** The messages from number `from` on, the same batch for all who ask; null when the first of them is no longer kept. */
  since(from: number): FeedBatch | null {
    if (from < this.#first) return null;
    let batch = this.#batches.get(from);
    if (batch === undefined) {
      batch = { messages: this.#messages.slice(from - this.#first), made: new Map() };
      this.#batches.set(from, batch);
    }
    return batch;
  }

  /** The place in the change feed that the next message comes after. */
  get place(): string {
    return this.#last?.place ?? '0';
  }

  /** Counts of now. */
  async counts(spaceIds: readonly SpaceId[]): Promise<Body[]> {
    const { certainties, history, clock } = this.#sources;
    const certaintiesOf = await certainties.about(spaceIds);
    const live = await history.counts(spaceIds);
    const counted = await countsOf(this.#sources, spaceIds, null);
    const sure = await certaintiesOf(counted);
    for (const { spaceId, newestMs } of live) if ((newestMs ?? 0) > clock.nowMs()) this.#ahead.add(spaceId);
    return counted.map((one: Counted, index) => countBody(one, sure[index]?.status ?? 'provisional'));
  }

  close(): void {
    this.#closed = true;
    this.#stop();
  }

  async #start(): Promise<void> {
    this.#last = { place: await this.#sources.history.newestChange(), number: 0 };
    this.#poll();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#starting = null;
    this.#first = this.next;
    this.#messages = [];
    this.#batches.clear();
  }

  #poll(): void {
    this.#timer = setTimeout(async () => {
      const timer = this.#timer;
      try {
        await this.#read();
      } catch (error) {
        this.#sources.log.warn({ err: error }, 'the live stream stands still until storage can be read again');
      }
      // Unless it was stopped, and perhaps started again, meanwhile.
      if (!this.#closed && this.#timer === timer && this.#listeners.size > 0) this.#poll();
    }, this.#pollMs());
  }

  #pollMs(): number {
    return Math.min(Math.max(POLL_MS.least, this.#listeners.size * POLL_MS.eachReader), POLL_MS.most);
  }

  async #read(): Promise<void> {
    const last = this.#last as MessageId;
    const page = await this.#sources.history.changes(last.place, null, CHANGES_PER_POLL);
    if (typeof page === 'string') {
      this.#last = { place: await this.#sources.history.newestChange(), number: 0 };
      this.#first = this.next + 1;
      this.#messages = [];
      return this.#tell();
    }
    const messages = page.results.map((change) => changeMessage(this.#sources, change));
    const changed = new Set(page.results.map(({ spaceId }) => spaceId));
    for (const spaceId of await this.#due()) changed.add(spaceId);
    const { place, number } = messages.at(-1)?.id ?? last;
    const counts = changed.size === 0 ? [] : await this.counts([...changed]);
    messages.push(...counts.map((body, index) => ({ ...body, id: { place, number: number + 1 + index } })));
    // A place that has not moved keeps its number: ids never go back.
    this.#last = messages.at(-1)?.id ?? (page.next === last.place ? last : { place: page.next, number: 0 });
    if (messages.length === 0) return;
    this.#messages.push(...messages);
    const excess = this.#messages.length - MESSAGES_KEPT;
    if (excess > 0) {
      this.#messages = this.#messages.slice(excess);
      this.#first += excess;
    }
    this.#tell();
  }

  /** Spaces of which an event that was ahead of the clock may have come due. */
  async #due(): Promise<SpaceId[]> {
    if (this.#ahead.size === 0) return [];
    const waiting = [...this.#ahead];
    const live = await this.#sources.history.counts(waiting);
    const nowMs = this.#sources.clock.nowMs();
    for (const { spaceId, newestMs } of live) if ((newestMs ?? 0) <= nowMs) this.#ahead.delete(spaceId);
    return waiting.filter((spaceId) => !this.#ahead.has(spaceId));
  }

  #tell(): void {
    this.#batches.clear();
    for (const listener of this.#listeners) listener();
  }
}
