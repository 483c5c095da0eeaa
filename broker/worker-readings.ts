// What broker workers have counted, added up by their primary; what one had counted when it ended stays in the sum.
import { addUp, type Reading } from '../shared/metrics/reading.ts';

/** A worker that does not answer in time is added up as it was told last. */
const ANSWER_TIMEOUT_MS = 1_000;

export class WorkerReadings<Worker> {
  readonly #ask: (worker: Worker) => void;
  /** What each worker that runs told last. */
  readonly #latest = new Map<Worker, readonly Reading[]>();
  /** Of those that ended: what only grows. */
  #ended: readonly Reading[] = [];
  readonly #waiting = new Map<Worker, (() => void)[]>();

  /** `ask` makes a worker tell. */
  constructor(ask: (worker: Worker) => void) {
    this.#ask = ask;
  }

  joined(worker: Worker): void {
    this.#latest.set(worker, []);
  }

  told(worker: Worker, readings: readonly Reading[]): void {
    this.#latest.set(worker, readings);
    this.#answered(worker);
  }

  left(worker: Worker): void {
    const last = this.#latest.get(worker) ?? [];
    this.#latest.delete(worker);
    this.#ended = addUp([...this.#ended, ...last.filter(({ type }) => type !== 'gauge')]);
    this.#answered(worker);
  }

  async measure(): Promise<Reading[]> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ANSWER_TIMEOUT_MS);
    await Promise.race([Promise.all([...this.#latest.keys()].map((worker) => this.#askOne(worker))), late]);
    clearTimeout(timer);
    return addUp([...this.#ended, ...[...this.#latest.values()].flat()]);
  }

  #askOne(worker: Worker): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(worker, [...(this.#waiting.get(worker) ?? []), resolve]);
      this.#ask(worker);
    });
  }

  #answered(worker: Worker): void {
    const waiting = this.#waiting.get(worker) ?? [];
    this.#waiting.delete(worker);
    for (const resolve of waiting) resolve();
  }
}
