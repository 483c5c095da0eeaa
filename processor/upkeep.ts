// What the processor does beside taking in: recounts piece by piece, resets when they come due, what can wait when it is quiet.
import type { Clock } from '../shared/clock.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import type { EndOfEvent, HistoryWriter, Progress, ResetMove } from '../shared/storage/history.ts';
import { ResetBook } from './reset-book.ts';

/** Under constant load what can wait is done all the same, a piece at a time, so often. */
const TIDY_EVERY_MS = 5_000;

export type Surroundings = {
  readonly history: HistoryWriter;
  readonly partition: number;
  readonly clock: Clock;
  /** Tries again while storage cannot be used. */
  readonly persistently: <Result>(work: () => Promise<Result>) => Promise<Result>;
};

export class Upkeep {
  readonly #around: Surroundings;
  readonly book: ResetBook;
  #recounting: number | null;
  #tidiedAtMs: number;

  private constructor(around: Surroundings, book: ResetBook, recounting: number | null) {
    this.#around = around;
    this.book = book;
    this.#recounting = recounting;
    this.#tidiedAtMs = around.clock.monotonicMs();
  }

  /** Takes up what was left; `plan` is that of the facts taken in. */
  static async begin(around: Surroundings, plan: Floorplan, progress: Progress): Promise<Upkeep> {
    const book = new ResetBook(plan, progress);
    const upkeep = new Upkeep(around, book, progress.recounting);
    // A piece that had been begun is finished before anything else changes.
    if (upkeep.isRecounting) await upkeep.recountSome();
    if (progress.dueMs === 0) await upkeep.#move(book.begin(around.clock.nowMs()));
    return upkeep;
  }

  /** True once no event waits to be recounted for fact `number` or one before it. */
  hasRecounted(number: number): boolean {
    return this.#recounting === null || this.#recounting > number;
  }

  get isRecounting(): boolean {
    return this.#recounting !== null;
  }

  /** Does a piece of the oldest recount. */
  async recountSome(): Promise<void> {
    const { history, persistently } = this.#around;
    this.#recounting = await persistently(() => history.recountSome(this.endOf));
  }

  /** Until when an event counts, by the resets that have come due. */
  readonly endOf: EndOfEvent = (spaceId, atMs) => this.book.endMs(spaceId, atMs);

  /** Lets resets come due. */
  async advance(): Promise<void> {
    const move = this.book.advance(this.#around.clock.nowMs());
    if (move !== null) await this.#move(move);
  }

  /** How long nothing comes due, ms. */
  get quietMs(): number {
    return Math.max(0, this.book.nextMs - this.#around.clock.nowMs());
  }

  /** What is due also under load. */
  async doWhatIsDue(): Promise<void> {
    if (this.#around.clock.nowMs() >= this.book.nextMs) await this.advance();
    if (this.#around.clock.monotonicMs() - this.#tidiedAtMs > TIDY_EVERY_MS) await this.tidy();
  }

  /** Does a piece of what can wait; true when there is more. */
  async tidy(): Promise<boolean> {
    const { clock, history, persistently } = this.#around;
    this.#tidiedAtMs = clock.monotonicMs();
    return persistently(() => history.tidy(clock.nowMs()));
  }

  #move(move: ResetMove): Promise<void> {
    const { history, partition, persistently } = this.#around;
    return persistently(() => history.moveResets(partition, move));
  }
}
