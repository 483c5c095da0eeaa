// The processor: journal in, history and live counts out. One loop a partition; read this first.
//
//   read entries ──▶ steps ──records──▶ map by the facts so far ─▶ commit (events, sums, live, cursor: one transaction)
//        ▲                 └──facts──▶ what they map differently ─▶ takeFacts (recounts to do, resets, cursor: one transaction)
//        └──────────────── tell the journal what is not needed again ◀──┘
//
//   between batches: a piece of a recount, resets that come due, what can wait (upkeep.ts)
import { Atlas } from '../shared/atlas.ts';
import type { Clock } from '../shared/clock.ts';
import { TemporaryStorageError } from '../shared/errors.ts';
import type { Fact } from '../shared/fact.ts';
import type { Log } from '../shared/log.ts';
import type { ProcessorControl, Verification } from '../shared/processor-control.ts';
import { FencedError } from '../shared/storage/fenced.ts';
import type { Progress } from '../shared/storage/history.ts';
import type { Entry, Ownership } from '../shared/storage/journal.ts';
import type { ProcessorStorage } from '../shared/storage/open.ts';
import { takeIn, truthOf } from '../shared/truth.ts';
import { mapEntries, type Step, stepsOf } from './map.ts';
import { persistently } from './persistence.ts';
import { takeFacts } from './take-facts.ts';
import { Upkeep } from './upkeep.ts';
import { Bell, nextTurn, Waiters } from './waiting.ts';

/** Read at once: some 50,000 events of 9 bytes, committed in about a quarter of a second. */
const READ_BYTES_MAX = 512 * 1024;
/**
 * Under load, commits begin no closer together than this: each rewrites the rows of the same spaces, so fewer and larger
 * ones leave the processor's time to the broker. A small batch never waits.
 */
const PACE_MS = 100;
const SMALL_BATCH_BYTES = 16 * 1024;
/** With nothing to read for so long, work that can wait is done; with none of that, it is looked for so often. */
const IDLE_MS = 200;
const TIDY_LOOK_MS = 10_000;

export class Processor implements Omit<ProcessorControl, 'backlog'> {
  readonly #storage: ProcessorStorage;
  readonly #ownership: Ownership;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #atlas = new Atlas();
  #progress: Progress = { position: 0, factNumber: 0, dueMs: 0, recounting: null, oldestMs: null, begunUpTo: 0 };
  #upkeep: Upkeep | null = null;
  #closing = false;
  #jobs: (() => Promise<void>)[] = [];
  readonly #waiters = new Waiters();
  readonly #bell = new Bell();
  #running: Promise<void> = Promise.resolve();

  constructor(storage: ProcessorStorage, ownership: Ownership, clock: Clock, log: Log) {
    this.#storage = storage;
    this.#ownership = ownership;
    this.#clock = clock;
    this.#log = log;
  }

  /** Goes on where the last commit ended, until closed or the partition is lost. Rejects when only a fresh start can go on. */
  run(): Promise<void> {
    this.#running = this.#run().catch((error) => {
      if (error instanceof FencedError) return this.#log.warn('another process owns the partition by now');
      if (error instanceof TemporaryStorageError && this.#ownership.lost.aborted) return;
      // What could not be stored for now stands in the journal; who comes next takes it in.
      if (!this.#closing || !(error instanceof TemporaryStorageError)) throw error;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    const { journal, history } = this.#storage;
    const { partition } = this.#ownership;
    this.#progress = await this.#persistently(() => history.progress(partition));
    takeIn(await this.#facts(0, this.#progress.factNumber), this.#atlas);
    const letGo = () => this.#persistently(() => journal.commit(this.#ownership, this.#progress.position));
    await letGo();
    const around = { history, partition, clock: this.#clock, persistently: this.#persistently.bind(this) };
    const upkeep = await Upkeep.begin(around, this.#atlas.plan, this.#progress);
    this.#upkeep = upkeep;
    while (!this.#closing && !this.#ownership.lost.aborted) {
      const entries = await this.#next(upkeep);
      const beganAtMs = this.#clock.monotonicMs();
      for (const step of stepsOf(entries)) await this.#take(step, upkeep);
      if (entries.length > 0) await letGo();
      this.#waiters.tell();
      await this.#pace(entries, beganAtMs, upkeep);
    }
  }

  /** Up to where the journal has been taken in. */
  get position(): number {
    return this.#progress.position;
  }

  /** True once the journal has been taken in up to `position`. */
  reached(position: number, timeoutMs: number): Promise<boolean> {
    return this.#waiters.until(() => this.#progress.position >= position, timeoutMs);
  }

  applied(factNumber: number, timeoutMs: number): Promise<boolean> {
    const isApplied = () =>
      this.#progress.factNumber >= factNumber && (this.#upkeep?.hasRecounted(factNumber) ?? factNumber === 0);
    return this.#waiters.until(isApplied, timeoutMs);
  }

  async caughtUp(timeoutMs: number): Promise<boolean> {
    const { newest } = await this.#storage.journal.lag(this.#ownership.partition, this.#progress.position);
    return this.reached(newest, timeoutMs);
  }

  verify(): Promise<Verification> {
    return this.exclusively(() => this.#audit(false));
  }

  rebuild(): Promise<Verification> {
    return this.exclusively(() => this.#audit(true));
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#bell.ring();
    await this.#running;
    await this.#storage.close();
  }

  /** The next entries. While there are none, jobs, recounts and work that can wait are done; none at the end. */
  async #next(upkeep: Upkeep): Promise<readonly Entry[]> {
    let entries: readonly Entry[] | undefined;
    const reading = this.#storage.journal
      .read(this.#ownership, this.#progress.position, { maxBytes: READ_BYTES_MAX })
      .then((read) => {
        entries = read;
        this.#bell.ring();
      });
    await Promise.race([reading, nextTurn()]);
    for (let isTidy = false; ; ) {
      for (const job of this.#jobs.splice(0)) await job();
      if (this.#closing) return [];
      if (this.#progress.position >= this.#progress.begunUpTo) await upkeep.doWhatIsDue();
      if (entries !== undefined) return entries;
      if (this.#jobs.length > 0) continue;
      if (upkeep.isRecounting) await this.#recountSome(upkeep);
      else {
        const wasWoken = await this.#bell.wait(Math.min(isTidy ? TIDY_LOOK_MS : IDLE_MS, upkeep.quietMs));
        if (!wasWoken) isTidy = !(await upkeep.tidy());
      }
    }
  }

  /** Under load a recount gets a piece a batch, and the time by which batches are kept apart. */
  async #pace(entries: readonly Entry[], beganAtMs: number, upkeep: Upkeep): Promise<void> {
    if (entries.length > 0 && upkeep.isRecounting) await this.#recountSome(upkeep);
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes.length, 0);
    if (bytes < SMALL_BATCH_BYTES || bytes > READ_BYTES_MAX / 2) return;
    const restMs = () => beganAtMs + PACE_MS - this.#clock.monotonicMs();
    while (upkeep.isRecounting && restMs() > 0) await this.#recountSome(upkeep);
    if (restMs() > 0) await this.#bell.wait(restMs());
  }

  async #recountSome(upkeep: Upkeep): Promise<void> {
    await upkeep.recountSome();
    this.#waiters.tell();
    await nextTurn();
  }

  async #take(step: Step, upkeep: Upkeep): Promise<void> {
    const { history } = this.#storage;
    const { partition } = this.#ownership;
    const { position } = step;
    if (step.kind === 'records') {
      const batch = { ...mapEntries(step.entries, this.#atlas, partition), position };
      await this.#persistently(() => history.commit(batch, upkeep.endOf));
      upkeep.book.eventsStored(batch.events);
      this.#progress = { ...this.#progress, position };
      return;
    }
    await upkeep.advance();
    const facts = await this.#facts(this.#progress.factNumber, step.upTo);
    const taken = { ...takeFacts(facts, this.#atlas, upkeep.book), partition, position };
    const factNumber = facts.at(-1)?.number ?? this.#progress.factNumber;
    await this.#persistently(() => history.takeFacts({ ...taken, factNumber }));
    // Before anybody can take the facts for applied.
    await upkeep.recountSome();
    this.#progress = { ...this.#progress, position, factNumber };
  }

  async #facts(after: number, upTo: number): Promise<Fact[]> {
    const facts: Fact[] = [];
    for (let number = after; number < upTo; ) {
      const read = await this.#persistently(() => this.#storage.floorplan.read(number));
      const wanted = read.filter((fact) => fact.number <= upTo);
      facts.push(...wanted);
      number = wanted.at(-1)?.number ?? upTo;
    }
    return facts;
  }

  async #audit(repair: boolean): Promise<Verification> {
    while (this.#upkeep?.isRecounting) await this.#recountSome(this.#upkeep);
    const truth = truthOf(await this.#facts(0, this.#progress.factNumber));
    const report = await this.#storage.history.audit(truth, { repair });
    return { ...report, position: this.#progress.position };
  }

  /** The journal keeps what has not been taken in. */
  #persistently<Result>(work: () => Promise<Result>): Promise<Result> {
    const isOver = () => this.#closing || this.#ownership.lost.aborted;
    return persistently(work, { isOver, rest: (ms) => this.#bell.wait(ms), log: this.#log });
  }

  /** Runs `work` between two batches. */
  exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#jobs.push(() => work().then(resolve, reject));
      this.#bell.ring();
    });
  }
}
