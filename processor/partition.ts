// The processor of one partition: its loops, which read the journal one behind the other, and what can be asked of all together.
import type { Clock } from '../shared/clock.ts';
import type { Log } from '../shared/log.ts';
import type { Backlog, ProcessorControl, Verification } from '../shared/processor-control.ts';
import type { Loop } from '../shared/storage/open.ts';
import type { EntryTraces } from '../shared/traces/traces.ts';
import { Processor } from './processor.ts';
import type { Tally } from './tally.ts';
import { traced } from './traced.ts';

/** A verification waits so long for the last loop to come to where the first one stands. */
const LEVEL_TIMEOUT_MS = 600_000;

export class PartitionProcessor implements ProcessorControl {
  readonly #parts: readonly Loop[];
  readonly #loops: readonly Processor[];
  readonly #last: Processor;
  readonly #running: Promise<unknown>;

  /** `traces` null: nobody wants them. */
  constructor(loops: readonly Loop[], clock: Clock, log: Log, tally: Tally, traces: EntryTraces | null) {
    this.#parts = loops;
    this.#loops = loops.map((loop, index) => {
      const { name, ownership } = loop;
      const child = log.child({ loop: name, partition: ownership.partition });
      const storage = traces === null ? loop.storage : traced(loop, traces, clock);
      // The last loop knows of every event what became of it.
      const isLast = index === loops.length - 1;
      return new Processor(isLast ? tally.ofCommits(storage) : storage, ownership, clock, child);
    });
    this.#last = this.#loops.at(-1) as Processor;
    this.#running = Promise.all(this.#loops.map((loop) => loop.run()));
  }

  /** Resolves when the partition has been lost or closed; rejects when only a fresh start can go on. */
  async ended(): Promise<void> {
    await this.#running;
  }

  applied(factNumber: number, timeoutMs: number): Promise<boolean> {
    return this.#all((loop) => loop.applied(factNumber, timeoutMs));
  }

  caughtUp(timeoutMs: number): Promise<boolean> {
    return this.#all((loop) => loop.caughtUp(timeoutMs));
  }

  verify(): Promise<Verification> {
    return this.#level(this.#loops.slice(0, -1), () => this.#last.verify());
  }

  rebuild(): Promise<Verification> {
    return this.#level(this.#loops.slice(0, -1), () => this.#last.rebuild());
  }

  async backlog(): Promise<Backlog[]> {
    const lags = await Promise.all(
      this.#parts.map(async ({ name, ownership, storage }, index) => {
        const position = this.#loops[index]?.position ?? 0;
        return { name, ...(await storage.journal.lag(ownership.partition, position)) };
      }),
    );
    // What the last loop has taken in, no other needs again.
    const { entries = 0, bytes = 0, bytesMax = 0 } = lags.at(-1) ?? {};
    const loops = lags.map(({ name, entries, oldestMs }) => ({ name, entries, oldestMs }));
    return [{ partition: this.#parts[0]?.ownership.partition ?? 0, entries, bytes, bytesMax, loops }];
  }

  async close(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.close()));
  }

  async #all(isDone: (loop: Processor) => Promise<boolean>): Promise<boolean> {
    const done = await Promise.all(this.#loops.map(isDone));
    return done.every(Boolean);
  }

  /** Runs `work` while every loop stands at the same position. */
  #level<Result>(ahead: readonly Processor[], work: () => Promise<Result>): Promise<Result> {
    const [first, ...others] = ahead;
    if (first === undefined) return work();
    return first.exclusively(async () => {
      const isLevel = await this.#last.reached(first.position, LEVEL_TIMEOUT_MS);
      if (!isLevel) throw new Error('history has not caught up with live counts; is its server up?');
      return this.#level(others, work);
    });
  }
}
