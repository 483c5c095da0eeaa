// The late ledger: how much of a count has been recorded after an earlier moment, from the rows of the change feed alone.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { visitChanges } from '../change-packing.ts';
import { LATE_MS } from './change-log.ts';

export class LateLedger {
  readonly #late: StatementSync;
  readonly #onTime: StatementSync;
  readonly #first: StatementSync;
  #isWhole: boolean | null = null;

  constructor(database: DatabaseSync) {
    this.#late = database.prepare('SELECT entries FROM change_log WHERE is_late = 1 AND recorded_until > ?');
    this.#onTime = database.prepare(
      'SELECT entries FROM change_log WHERE is_late = 0 AND recorded_until > ? AND recorded_until <= ?',
    );
    this.#first = database.prepare('SELECT length(entries) AS bytes FROM change_log ORDER BY number LIMIT 1');
  }

  /**
   * By how much the count of space number `space` at `atMs` was changed by all that was recorded after `knownAtMs`, which
   * is not before `atMs`; null when not all of it is kept. Call within one transaction. Costs what came late since.
   */
  changedSince(space: number, atMs: number, knownAtMs: number): number | null {
    if (!this.#holdsAll()) return null;
    let changed = 0;
    const add = (entries: unknown) =>
      visitChanges(entries as Uint8Array, ({ space: of, recordedAtMs, fromMs, untilMs, change }) => {
        if (of !== space || recordedAtMs <= knownAtMs || fromMs > atMs || (untilMs !== null && untilMs <= atMs)) return;
        changed += change;
      });
    for (const { entries } of this.#late.iterate(knownAtMs)) add(entries);
    // What began by `atMs` and is on time was recorded by a minute later, in a row that ends within one more.
    for (const { entries } of this.#onTime.iterate(knownAtMs, atMs + 2 * LATE_MS)) add(entries);
    return changed;
  }

  #holdsAll(): boolean {
    this.#isWhole ??= this.#first.get()?.['bytes'] !== 0;
    return this.#isWhole;
  }
}
