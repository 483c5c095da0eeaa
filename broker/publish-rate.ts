// How fast one DPU may publish: so many at once, and so many a second; what is more waits, nothing is dropped.

const SECOND_MS = 1_000;

export class PublishRate {
  readonly #perSecond: number;
  #left: number;
  #atMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
    this.#atMs = nowMs;
  }

  /** How long the next publish has to wait; 0: not at all. */
  waitMs(nowMs: number): number {
    this.#left = Math.min(this.#perSecond, this.#left + ((nowMs - this.#atMs) * this.#perSecond) / SECOND_MS);
    this.#atMs = nowMs;
    return this.#left >= 1 ? 0 : Math.ceil(((1 - this.#left) * SECOND_MS) / this.#perSecond);
  }

  /** A publish has been taken. */
  take(): void {
    this.#left -= 1;
  }
}
