// One reader of the live stream: what it gets and when, at its own pace. Nothing is queued for a reader but what its socket holds.
//
//   (re)start ──▶ changes since its place ──▶ counts of all its spaces ──▶ messages as they come
//                     └─ no longer kept ─▶ resync ──┘        ▲
//                                       too far behind ──────┘
import type { SpaceId } from '../../shared/ids.ts';
import { type ChangeReader, numbersAt, placeOf } from '../../shared/storage/changes.ts';
import type { ChangeSources } from '../changes.ts';
import type { LiveFeed } from './feed.ts';
import { type Body, changeMessage, type Message, type MessageId, RESYNC } from './messages.ts';

/** Changes read at once for a reader that comes back. */
const PAGE_CHANGES = 1_000;

/** Where messages go, each as JSON with its id. `write` answers false when no more should be written until `drained` resolves. */
export type Sink = {
  write(messages: readonly Pick<Message, 'id' | 'fields'>[]): boolean;
  drained(): Promise<void>;
};

export type ReaderOptions = {
  readonly feed: LiveFeed;
  readonly sources: ChangeSources & { readonly history: ChangeReader };
  /** The spaces that it may see and asked for, as they are now. */
  readonly wanted: () => ReadonlySet<SpaceId>;
  /** The last message that it has; null: it begins. */
  readonly after: MessageId | null;
  readonly sink: Sink;
  readonly signal: AbortSignal;
};

/** Serves the reader until `signal` is aborted. */
export async function serveReader(options: ReaderOptions): Promise<void> {
  const { feed, after, signal } = options;
  let wake: () => void = () => {};
  const stop = await feed.listen(() => wake());
  signal.addEventListener('abort', () => wake(), { once: true });
  const reader = new Reader(options, after ?? { place: feed.place, number: 0 });
  try {
    // Taken first: what is made from here on is looked at, and left out where it was sent already.
    let next = feed.next;
    if (after !== null) await reader.catchUp();
    await reader.sendState();
    while (!signal.aborted) {
      const messages = feed.since(next);
      if (messages === null) {
        next = feed.next;
        await reader.resync(feed.place);
        await reader.sendState();
      } else if (messages.length > 0) {
        next += messages.length;
        await reader.send(messages);
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (signal.aborted) resolve();
        });
      }
    }
  } finally {
    stop();
  }
}

class Reader {
  readonly #options: ReaderOptions;
  /** The last message that was sent, or stands for those that were not wanted. */
  #last: MessageId;
  /** False while what was sent is not just what the feed has made up to some message. */
  #isWithFeed = false;

  constructor(options: ReaderOptions, last: MessageId) {
    this.#options = options;
    this.#last = last;
  }

  /** Sends every change since the last message. */
  async catchUp(): Promise<void> {
    const { sources, wanted, signal } = this.#options;
    for (let { place } = this.#last; !signal.aborted; ) {
      const page = await sources.history.changes(place, [...wanted()], PAGE_CHANGES);
      if (typeof page === 'string') return this.resync(await sources.history.newestChange());
      await this.#write(page.results.map((change) => changeMessage(sources, change)));
      if (page.next === place) return;
      place = page.next;
      if (this.#last.place !== place) this.#last = { place, number: 0 };
    }
  }

  /** Sends the counts of all its spaces. */
  async sendState(): Promise<void> {
    const { feed, wanted } = this.#options;
    await this.#write(this.#numbered(await feed.counts([...wanted()])));
    this.#isWithFeed = false;
  }

  /** What it missed is lost to it; it goes on from `place`. */
  async resync(place: string): Promise<void> {
    this.#last = { place, number: 0 };
    this.#isWithFeed = false;
    await this.#write(this.#numbered([RESYNC]));
  }

  /** Sends the next messages of the feed. */
  async send(messages: readonly Message[]): Promise<void> {
    const visible = this.#options.wanted();
    const sent: Pick<Message, 'id' | 'fields'>[] = [];
    for (const message of messages) {
      if (!this.#isWithFeed && !this.#moveOn(message)) continue;
      if (this.#isWithFeed) this.#last = message.id;
      if (message.spaceId === null || visible.has(message.spaceId))
        sent.push({ id: this.#last, fields: message.fields });
    }
    await this.#write(sent);
  }

  /** Goes on to a message, whose id may be another for this reader; false when it has it already. */
  #moveOn({ id, change }: Message): boolean {
    if (change === null) {
      this.#last = { place: this.#last.place, number: this.#last.number + 1 };
      return true;
    }
    const numbers = numbersAt(this.#last.place);
    if (change.number <= (numbers[change.partition] ?? 0)) return false;
    numbers[change.partition] = change.number;
    this.#last = { place: placeOf(numbers), number: 0 };
    this.#isWithFeed = this.#last.place === id.place;
    return true;
  }

  #numbered(bodies: readonly Body[]): Pick<Message, 'id' | 'fields'>[] {
    const { place, number } = this.#last;
    return bodies.map(({ fields }, index) => ({ id: { place, number: number + 1 + index }, fields }));
  }

  async #write(messages: readonly Pick<Message, 'id' | 'fields'>[]): Promise<void> {
    const { sink, signal } = this.#options;
    const last = messages.at(-1);
    if (last === undefined || signal.aborted) return;
    this.#last = last.id;
    if (!sink.write(messages)) await sink.drained();
  }
}
