// How long publishes wait for their acknowledgement, at the cost of one look at the clock for all that are read in one turn.
import { Buckets } from '../shared/metrics/buckets.ts';

export class AcknowledgementTimes {
  /** From the reading of a PUBLISH to the writing of its answer. */
  readonly buckets = new Buckets();
  readonly #nowMs: () => number;
  /** Of the publishes answered in this turn: when they were read, and how many one after the other at that time. */
  readonly #readAtMs: number[] = [];
  readonly #counts: number[] = [];
  /** Of this turn; -1: nobody has looked yet. */
  #turnMs = -1;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** When what is being read now was read. */
  read(): number {
    if (this.#turnMs === -1) {
      this.#turnMs = this.#nowMs();
      setImmediate(this.#endTurn);
    }
    return this.#turnMs;
  }

  /** What was read at `readAtMs` is answered in this turn. */
  answered(readAtMs: number): void {
    const last = this.#readAtMs.length - 1;
    if (last >= 0 && this.#readAtMs[last] === readAtMs) this.#counts[last] = (this.#counts[last] as number) + 1;
    else {
      this.#readAtMs.push(readAtMs);
      this.#counts.push(1);
    }
  }

  /** What was answered in this turn is written. */
  written(): void {
    const nowMs = this.#nowMs();
    for (const [index, readAtMs] of this.#readAtMs.entries()) {
      this.buckets.observe(nowMs - readAtMs, this.#counts[index]);
    }
    this.#readAtMs.length = 0;
    this.#counts.length = 0;
  }

  readonly #endTurn = (): void => {
    this.#turnMs = -1;
  };
}
