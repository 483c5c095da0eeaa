// The change feed as the processor writes it: what each transaction changes in counts, in the same transaction.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type CauseKind, ChangePacker } from '../change-packing.ts';
import type { EndOfEvent, RecordedShift } from '../history.ts';
import type { Effect, Names } from './names.ts';
import { netOf, type Sums } from './sums.ts';

/** A row of `change_log` is read whole for any page that begins in it. */
export const CHANGES_PER_ROW = 1_000;

export type Source = { readonly kind: CauseKind; readonly number: number; readonly recordedAtMs: number };

export class ChangeLog {
  readonly #names: Names;
  readonly #sums: Sums;
  readonly #startOf: ReadonlyMap<number, number>;
  readonly #insert: StatementSync;
  #packer = new ChangePacker();

  /** `startOf`: the newest reset of each space (by number) that has come due; absent: none. */
  constructor(database: DatabaseSync, names: Names, sums: Sums, startOf: ReadonlyMap<number, number>) {
    this.#names = names;
    this.#sums = sums;
    this.#startOf = startOf;
    this.#insert = database.prepare('INSERT INTO change_log (entries) VALUES (?)');
    // A store of before there was a feed: what its events changed is not in it, and readers must be told.
    const old = database.prepare(
      `SELECT EXISTS (SELECT 1 FROM event) AND NOT EXISTS (SELECT 1 FROM due) AND NOT EXISTS (SELECT 1 FROM change_log) AS old`,
    );
    if (old.get()?.['old'] === 1) this.#insert.run(new Uint8Array());
  }

  /** Forgets what was added since the last `write`; call after a transaction that was undone. */
  undo(): void {
    this.#packer = new ChangePacker();
  }

  /** An event's effect is added (`weight` 1) or taken back (-1). */
  crossing(atMs: number, direction: number, effect: Effect, weight: 1 | -1, source: Source, endOf: EndOfEvent): void {
    const change = direction * weight;
    for (const space of effect.enters) this.#delta(space, atMs, change, source, endOf);
    for (const space of effect.leaves) this.#delta(space, atMs, -change, source, endOf);
  }

  /** Counts change by what a reset does to them, as all deltas stored so far make it. */
  shift(shift: RecordedShift): void {
    const { spaceId, fromMs, untilMs, base, wasAfterMs, becomesAfterMs, fact, recordedAtMs } = shift;
    const space = this.#names.space(spaceId);
    const sumUpTo = (afterMs: number | null) => (afterMs === null ? 0 : netOf(this.#sums.at(space, afterMs)));
    // The net of (becomes, from] less that of (was, from].
    const change = base + sumUpTo(wasAfterMs) - sumUpTo(becomesAfterMs);
    if (change === 0) return;
    const kind = fact === null ? 'daily_reset' : 'reset';
    this.#add({ space, fromMs, untilMs, change, kind, number: fact ?? 0, recordedAtMs });
  }

  /** Ends the transaction's part of the log. */
  write(): void {
    if (this.#packer.count > 0) this.#insert.run(this.#packer.take());
  }

  #delta(space: number, fromMs: number, change: number, source: Source, endOf: EndOfEvent): void {
    const startMs = this.#startOf.get(space);
    const isPast = startMs !== undefined && fromMs <= startMs;
    const untilMs = isPast ? endOf(this.#names.spaceId(space), fromMs) : null;
    // At or before a reset is before it: no count starts from there.
    if (untilMs === fromMs) return;
    const { kind, number, recordedAtMs } = source;
    this.#add({ space, fromMs, untilMs, change, kind, number, recordedAtMs });
  }

  #add(change: Parameters<ChangePacker['add']>[0]): void {
    this.#packer.add(change);
    if (this.#packer.count === CHANGES_PER_ROW) this.write();
  }
}
