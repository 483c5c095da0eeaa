// How long something took, counted in buckets: an observation is a few comparisons and an addition in a fixed array.
import type { Labels, Reading, Value } from './reading.ts';

/** A durable acknowledgement takes from half a millisecond (a fast disk) to seconds (a disk or server that does not keep up). */
const BOUNDS_MS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000] as const;

export class Buckets {
  /** Not added up; the last one has no bound. */
  readonly #counts = new Float64Array(BOUNDS_MS.length + 1);
  #sumMs = 0;

  /** `count` things took so long. */
  observe(ms: number, count = 1): void {
    let index = 0;
    while (index < BOUNDS_MS.length && ms > (BOUNDS_MS[index] as number)) index += 1;
    this.#counts[index] = (this.#counts[index] as number) + count;
    this.#sumMs += ms * count;
  }

  /** As the parts of the histogram `name`, in seconds. */
  values(name: string, labels: Labels = {}): Value[] {
    let below = 0;
    const values = [...this.#counts].map((count, index): Value => {
      below += count;
      const bound = BOUNDS_MS[index];
      const le = bound === undefined ? '+Inf' : String(bound / 1000);
      return { name: `${name}_bucket`, labels: { ...labels, le }, value: below };
    });
    return [
      ...values,
      { name: `${name}_sum`, labels, value: this.#sumMs / 1000 },
      { name: `${name}_count`, labels, value: below },
    ];
  }

  reading(name: string, help: string): Reading {
    return { name, help, type: 'histogram', values: this.values(name) };
  }
}
