// One reader of the live stream: what it gets and when, at its own pace. Nothing is queued for a reader but what its socket holds.
//
//   (re)start ──▶ changes since its place ──▶ counts of all its spaces ──▶ messages as they come
//                     └─ no longer kept ─▶ resync ──┘        ▲
//                                       too far behind ──────┘
import type { SpaceId } from '../../shared/ids.ts';
import { type ChangeReader, numbersAt, placeOf } from '../../shared/storage/changes.ts';
import type { ChangeSources } from '../changes.ts';
import type { LiveFeed } from './feed.ts';
import {
  type Batch,
  type Body,
  changeMessage,
  type FeedBatch,
  type Message,
  type MessageId,
  madeOf,
  RESYNC,
  type Sent,
} from './messages.ts';

/** Changes read at once for a reader that comes back. */
const PAGE_CHANGES = 1_000;

/** Where messages go, each as JSON with its id. `write` answers false when no more should be written until `drained` resolves. */
export type Sink = {
  write(batch: Batch): boolean;
  drained(): Promise<void>;
};

/** The spaces that a reader may see and asked for, as they are now. */
export type Wanted = {
  /** Whatever there is. */
  isAll(): boolean;
  /** What it asked for, seen or not; null: it did not say. */
  readonly asked: ReadonlySet<SpaceId> | null;
  has(spaceId: SpaceId): boolean;
  list(): SpaceId[];
};

export type ReaderOptions = {
  readonly feed: LiveFeed;
  readonly sources: ChangeSources & { readonly history: ChangeReader };
  readonly wanted: Wanted;
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
      const batch = feed.since(next);
      if (batch === null) {
        next = feed.next;
        await reader.resync(feed.place);
        await reader.sendState();
      } else if (batch.messages.length > 0) {
        next += batch.messages.length;
        await reader.send(batch);
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
      const page = await sources.history.changes(place, wanted.list(), PAGE_CHANGES);
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
    await this.#write(this.#numbered(await feed.counts(wanted.list())));
    this.#isWithFeed = false;
  }

  /** What it missed is lost to it; it goes on from `place`. */
  async resync(place: string): Promise<void> {
    this.#last = { place, number: 0 };
    this.#isWithFeed = false;
    await this.#write(this.#numbered([RESYNC]));
  }

  /** Sends the next messages of the feed. */
  async send(batch: FeedBatch): Promise<void> {
    const { wanted } = this.#options;
    if (this.#isWithFeed && wanted.isAll()) return this.#writeBatch(batch);
    const sent: Sent[] = [];
    for (const message of this.#isWithFeed ? askedOf(batch, wanted.asked) : batch.messages) {
      if (!this.#isWithFeed && !this.#moveOn(message)) continue;
      if (this.#isWithFeed) this.#last = message.id;
      if (message.spaceId === null || wanted.has(message.spaceId))
        sent.push({ id: this.#last, fields: message.fields });
    }
    if (this.#isWithFeed) this.#last = batch.messages.at(-1)?.id ?? this.#last;
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

  #numbered(bodies: readonly Body[]): Sent[] {
    const { place, number } = this.#last;
    return bodies.map(({ fields }, index) => ({ id: { place, number: number + 1 + index }, fields }));
  }

  #write(messages: readonly Sent[]): Promise<void> {
    return this.#writeBatch({ messages, made: new Map() });
  }

  async #writeBatch(batch: Batch): Promise<void> {
    const { sink, signal } = this.#options;
    const last = batch.messages.at(-1);
    if (last === undefined || signal.aborted) return;
    this.#last = last.id;
    if (!sink.write(batch)) await sink.drained();
  }
}

/** The messages of the spaces asked for, in order, without a look at the others: most readers ask for few of many. */
function askedOf(batch: FeedBatch, asked: ReadonlySet<SpaceId> | null): readonly Message[] {
  if (asked === null || asked.size > batch.messages.length) return batch.messages;
  const bySpace = madeOf(batch, 'by space', () => Map.groupBy(batch.messages.keys(), placeIn(batch.messages)));
  const places = [...asked].flatMap((spaceId) => bySpace.get(spaceId) ?? []);
  return places.sort((one, other) => one - other).map((place) => batch.messages[place] as Message);
}

function placeIn(messages: readonly Message[]): (place: number) => SpaceId | null {
  return (place) => messages[place]?.spaceId ?? null;
}
