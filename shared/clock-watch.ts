// The watch on the server's clock: when it has been set by more than a minute, times are not to be trusted for a while.
import type { Clock } from './clock.ts';

/** RELIABILITY: a clock set by more than this makes the service not ready until it has kept still for a while. */
const STEP_MS = 60_000;
const SETTLED_AFTER_MS = 60_000;
const LOOK_EVERY_MS = 1_000;

/** The clock was set by so much, and is to keep still for so long. */
export type ClockStep = { readonly byMs: number; readonly leftMs: number };

export class ClockWatch {
  readonly #clock: Clock;
  readonly #onSettled: () => void;
  readonly #timer: NodeJS.Timeout;
  /** Of the wall clock from one that nobody sets. */
  #offsetMs: number;
  #stepped: { readonly byMs: number; readonly atMs: number } | null = null;

  /** `onSettled`: the clock had been set and has kept still since. */
  constructor(clock: Clock, onSettled: () => void) {
    this.#clock = clock;
    this.#onSettled = onSettled;
    this.#offsetMs = this.#offset();
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  /** Null: the clock goes on as it should. */
  get step(): ClockStep | null {
    if (this.#stepped === null) return null;
    const { byMs, atMs } = this.#stepped;
    return { byMs, leftMs: Math.max(0, atMs + SETTLED_AFTER_MS - this.#clock.monotonicMs()) };
  }

  /** Done by itself every second. What is set little by little is no step. */
  look(): void {
    const offsetMs = this.#offset();
    const byMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    const atMs = this.#clock.monotonicMs();
    if (Math.abs(byMs) > STEP_MS) this.#stepped = { byMs, atMs };
    else if (this.#stepped !== null && atMs - this.#stepped.atMs >= SETTLED_AFTER_MS) {
      this.#stepped = null;
      this.#onSettled();
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #offset(): number {
    return this.#clock.nowMs() - this.#clock.monotonicMs();
  }
}
