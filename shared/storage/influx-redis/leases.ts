// Leases: each partition belongs to one process at a time, for as long as that process says in time that it is there.
//
//   beat: say so ▶ prolong what is held ▶ give up what is above the fair share ▶ take what nobody holds, up to the share
//
// A process that hears nothing from Redis, or that was stopped and wakes, gives its partitions up by its own monotonic
// clock before they can be somebody else's. What it still writes meets the epoch, the fencing token.
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../../clock.ts';
import type { Ownership } from '../journal.ts';
import { keys } from './keys.ts';
import { runScript } from './scripts.ts';

/** A dead owner's partitions are free after this. */
const LEASE_MS = 5_000;
const BEAT_MS = 1_500;
const WATCH_MS = 100;
/** Given up so long before the lease ends on the server. */
const MARGIN_MS = 500;

/** What the leases are of: their keys, and the one under which processes say that they are alive. */
export type LeaseNames = { readonly lease: (partition: number) => string; readonly members: string };
const OF_PROCESSORS: LeaseNames = { lease: keys.lease, members: keys.processors };

type Held = { readonly ownership: Ownership; readonly lost: AbortController; untilMs: number };

export class Leases {
  readonly #redis: Redis;
  readonly #partitions: number;
  readonly #clock: Clock;
  readonly #onOwned: (ownership: Ownership) => void;
  readonly #names: LeaseNames;
  readonly #process = randomUUID();
  readonly #held = new Map<number, Held>();
  #timer: NodeJS.Timeout | undefined;
  /** Looks at the clock by itself: a beat may be waiting for an answer that does not come. */
  #watch: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    redis: Redis,
    partitions: number,
    clock: Clock,
    onOwned: (ownership: Ownership) => void,
    names: LeaseNames = OF_PROCESSORS,
  ) {
    this.#redis = redis;
    this.#partitions = partitions;
    this.#clock = clock;
    this.#onOwned = onOwned;
    this.#names = names;
  }

  /** Resolves after the first beat. */
  async start(): Promise<void> {
    this.#watch = setInterval(() => this.#giveUpExpired(), WATCH_MS);
    await this.#beat();
  }

  /** True while the partition is certainly still held. */
  holds(ownership: Ownership): boolean {
    this.#giveUpExpired();
    return !ownership.lost.aborted;
  }

  /** Gives everything up, so that others need not wait. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    await this.#beating;
    await Promise.all([...this.#held.keys()].map((partition) => this.#release(partition)));
    await runScript(this.#redis, 'processor-beat', [this.#names.members], [this.#process, 0]).catch(() => undefined);
  }

  #beat(): Promise<void> {
    this.#beating = this.#beatOnce()
      // Redis is away: what is held runs out by itself, and the next beat tries again.
      .catch(() => this.#giveUpExpired())
      .then(() => {
        if (!this.#closed) this.#timer = setTimeout(() => void this.#beat(), BEAT_MS);
      });
    return this.#beating;
  }

  async #beatOnce(): Promise<void> {
    this.#giveUpExpired();
    const beat = [this.#process, LEASE_MS];
    const alive = Number(await runScript(this.#redis, 'processor-beat', [this.#names.members], beat));
    const share = Math.ceil(this.#partitions / Math.max(alive, 1));
    for (const [partition, held] of this.#held) {
      if (this.#held.size > share) await this.#release(partition);
      else await this.#take(partition, held);
    }
    for (let partition = 0; partition < this.#partitions && this.#held.size < share; partition++) {
      if (!this.#held.has(partition) && !this.#closed) await this.#take(partition, null);
    }
  }

  async #take(partition: number, held: Held | null): Promise<void> {
    // Counted from before the call, so that it ends here before it ends on the server.
    const untilMs = this.#clock.monotonicMs() + LEASE_MS - MARGIN_MS;
    const args = [this.#process, LEASE_MS, held?.ownership.epoch ?? 0];
    const epoch = Number(await runScript(this.#redis, 'lease-take', [this.#names.lease(partition)], args));
    if (epoch === 0) return this.#lose(partition);
    if (held !== null) {
      held.untilMs = untilMs;
      return;
    }
    const lost = new AbortController();
    const ownership: Ownership = { partition, epoch, lost: lost.signal };
    this.#held.set(partition, { ownership, lost, untilMs });
    this.#onOwned(ownership);
  }

  async #release(partition: number): Promise<void> {
    const held = this.#held.get(partition);
    this.#lose(partition);
    if (held === undefined) return;
    const args = [this.#process, held.ownership.epoch];
    await runScript(this.#redis, 'lease-release', [this.#names.lease(partition)], args).catch(() => undefined);
  }

  #giveUpExpired(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [partition, { untilMs }] of this.#held) if (nowMs >= untilMs) this.#lose(partition);
  }

  #lose(partition: number): void {
    this.#held.get(partition)?.lost.abort();
    this.#held.delete(partition);
  }
}
