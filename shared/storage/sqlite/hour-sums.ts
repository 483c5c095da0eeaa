// Sums of deltas by hour, space and minute, of one transaction: all in one array, for thousands of small ones would cost more
// than what is in them.
import { MINUTES_PER_HOUR } from './minutes.ts';

/** More spaces than this would need wider keys below: hour * SPACES_MAX + space stays a safe integer until the year 900,000. */
export const SPACES_MAX = 2 ** 20;

/** Of one hour and space: entrances of each minute, then exits of each minute. */
const SUMS = 2 * MINUTES_PER_HOUR;
const FIRST_SUMS = 64 * SUMS;

/** Good for one transaction after the other: memory that is new to the process costs more than what is done with it. */
export class HourSums {
  readonly #places = new Map<number, number>();
  #sums = new Int32Array(FIRST_SUMS);

  /** Forgets all of them. */
  clear(): void {
    this.#sums.fill(0, 0, this.#places.size * SUMS);
    this.#places.clear();
  }

  /** Where those of the hour and space are. */
  placeOf(hour: number, space: number): number {
    const key = hour * SPACES_MAX + space;
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const place = this.#places.size * SUMS;
    if (place === this.#sums.length) {
      const grown = new Int32Array(2 * place);
      grown.set(this.#sums);
      this.#sums = grown;
    }
    this.#places.set(key, place);
    return place;
  }

  add(place: number, minute: number, isEntrance: boolean, change: number): void {
    const at = place + minute + (isEntrance ? 0 : MINUTES_PER_HOUR);
    this.#sums[at] = (this.#sums[at] as number) + change;
  }

  /** In the order of hours, then spaces: from `place` on in `sums` the entrances of each minute, then the exits. */
  *all(): Generator<[hour: number, space: number, sums: Int32Array, place: number]> {
    for (const key of Float64Array.from(this.#places.keys()).sort()) {
      yield [Math.floor(key / SPACES_MAX), key % SPACES_MAX, this.#sums, this.#places.get(key) as number];
    }
  }
}
