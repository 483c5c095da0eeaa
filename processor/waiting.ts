// Waiting: a bell that ends a wait early, and those who want to be told when something has become true.

export class Bell {
  #ring: () => void = () => {};

  ring(): void {
    this.#ring();
  }

  /** True when rung; false when nobody did for `timeoutMs`. */
  wait(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#ring = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}

type Waiter = { readonly isDone: () => boolean; readonly finish: (isDone: boolean) => void };

export class Waiters {
  readonly #waiters = new Set<Waiter>();

  /** True once `isDone` is found true by `tell`, false after `timeoutMs`. */
  until(isDone: () => boolean, timeoutMs: number): Promise<boolean> {
    if (isDone()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (value: boolean) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(value);
      };
      const waiter: Waiter = { isDone, finish };
      const timer = setTimeout(() => finish(false), timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  /** Looks again at everything that is waited for. */
  tell(): void {
    for (const waiter of this.#waiters) if (waiter.isDone()) waiter.finish(true);
  }
}

/** After everything that is ready now has run. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
