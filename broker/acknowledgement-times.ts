// How long publishes wait for their acknowledgement, at the cost of one look at the clock for all that are read in one turn.
import { Buckets } from '../shared/metrics/buckets.ts';

export class AcknowledgementTimes {
  /** From the reading of a PUBLISH to the writing of its answer. */
  readonly buckets = new Buckets();
  readonly #nowMs: () => number;
  /** Of the publishes answered in this turn, when each was read. */
  readonly #answered: number[] = [];
  /** Of this turn; null: nobody has looked yet. */
  #turnMs: number | null = null;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** When what is being read now was read. */
  read(): number {
    if (this.#turnMs === null) {
      this.#turnMs = this.#nowMs();
      setImmediate(() => {
        this.#turnMs = null;
      });
    }
    return this.#turnMs;
  }

  /** What was read at `readAtMs` is answered in this turn. */
  answered(readAtMs: number): void {
    this.#answered.push(readAtMs);
  }

  /** What was answered in this turn is written. */
  written(): void {
    const nowMs = this.#nowMs();
    for (const readAtMs of this.#answered) this.buckets.observe(nowMs - readAtMs);
    this.#answered.length = 0;
  }
}
