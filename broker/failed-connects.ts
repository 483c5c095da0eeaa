// Addresses from which credentials are guessed: too many failures in a second bar the address, for longer each time.
import type { Limits } from './limits.ts';

type Record = { failures: number; sinceMs: number; barredUntilMs: number; barMs: number };

const SECOND_MS = 1_000;

export class FailedConnects {
  readonly #limits: Limits;
  readonly #nowMs: () => number;
  readonly #records = new Map<string, Record>();

  constructor(limits: Limits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** True while nothing is to be judged that comes from `address`. */
  isBarred(address: string): boolean {
    const record = this.#records.get(address);
    return record !== undefined && record.barredUntilMs > this.#nowMs();
  }

  /** Credentials from `address` were wrong. */
  failed(address: string): void {
    const { barMs, barMsMax, failedConnectsPerSecondMax, failingAddressesMax } = this.#limits;
    const nowMs = this.#nowMs();
    const record = this.#records.get(address) ?? { failures: 0, sinceMs: nowMs, barredUntilMs: 0, barMs };
    if (nowMs - record.sinceMs >= SECOND_MS) {
      // Quiet for as long as it was barred last: it begins anew.
      if (nowMs - record.barredUntilMs > record.barMs) record.barMs = barMs;
      record.failures = 0;
      record.sinceMs = nowMs;
    }
    record.failures += 1;
    if (record.failures > failedConnectsPerSecondMax && record.barredUntilMs <= nowMs) {
      record.barredUntilMs = nowMs + record.barMs;
      record.barMs = Math.min(2 * record.barMs, barMsMax);
    }
    this.#records.delete(address);
    this.#records.set(address, record);
    if (this.#records.size <= failingAddressesMax) return;
    const [oldest] = this.#records.keys();
    this.#records.delete(oldest as string);
  }
}
