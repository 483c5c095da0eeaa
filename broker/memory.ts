// What all connections together are taken to hold in memory, and who has to go when that is too much.
import type { Guard } from './guard.ts';
import type { Limits } from './limits.ts';

export class Memory {
  readonly #all: ReadonlySet<Guard>;
  readonly #limits: Limits;
  /** Those that hold something, or did when they were looked at last. */
  readonly #holding = new Set<Guard>();
  /** Those that aedes has been given. */
  readonly #served = new Set<Guard>();

  /** `all`: every connection, the newest last. */
  constructor(all: ReadonlySet<Guard>, limits: Limits) {
    this.#all = all;
    this.#limits = limits;
  }

  /** The guard has begun to hold unfinished packets, or answers that are not taken. */
  holds(guard: Guard): void {
    this.#holding.add(guard);
  }

  /** aedes has been given the connection. */
  serves(guard: Guard): void {
    this.#served.add(guard);
  }

  left(guard: Guard): void {
    this.#holding.delete(guard);
    this.#served.delete(guard);
  }

  /** Closes some if all hold too much: first those not yet accepted, then those that hold more than themselves. */
  relieve(): void {
    const { connectionBytes, subscriberBytes, memoryBytesMax } = this.#limits;
    let excessBytes = this.#all.size * connectionBytes + this.#served.size * subscriberBytes - memoryBytesMax;
    for (const guard of this.#holding) {
      const { heldBytes } = guard;
      excessBytes += heldBytes;
      if (heldBytes === 0) this.#holding.delete(guard);
    }
    if (excessBytes > 0) this.#closeNewest(excessBytes);
  }

  #closeNewest(excessBytes: number): void {
    const { connectionBytes, subscriberBytes } = this.#limits;
    const newest = [...this.#all].reverse();
    const order = [
      ...newest.filter((guard) => !guard.isAccepted),
      ...newest.filter((guard) => guard.isAccepted && guard.heldBytes > connectionBytes),
    ];
    let left = excessBytes;
    for (const guard of order) {
      if (left <= 0) return;
      left -= connectionBytes + (this.#served.has(guard) ? subscriberBytes : 0) + guard.heldBytes;
      guard.refuse('memory', 'all connections together hold too much memory');
    }
  }
}
