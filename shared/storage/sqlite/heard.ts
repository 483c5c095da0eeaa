// What has been heard of each DPU, in the history database: written with the events that told it.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Heard, type HeardMark, hearAll, NEVER_HEARD } from '../../heard.ts';
import type { DpuId } from '../../ids.ts';

export class HeardTable {
  readonly #select: StatementSync;

  constructor(database: DatabaseSync) {
    this.#select = database.prepare('SELECT heard_at, held_at, hold_until FROM heard WHERE dpu = ?');
  }

  /** Call within one transaction. */
  of(dpuId: DpuId): Heard | null {
    const row = this.#select.get(dpuId);
    if (row === undefined) return null;
    const momentOrNull = (value: unknown) => (value === null ? null : Number(value));
    return {
      heardAtMs: momentOrNull(row['heard_at']),
      heldAtMs: momentOrNull(row['held_at']),
      holdUntilMs: Number(row['hold_until']),
    };
  }
}

/** The writer's side. */
export class HeardWriter {
  readonly #table: HeardTable;
  readonly #put: StatementSync;

  constructor(database: DatabaseSync) {
    this.#table = new HeardTable(database);
    this.#put = database.prepare('INSERT OR REPLACE INTO heard VALUES (?, ?, ?, ?)');
  }

  take(marks: readonly HeardMark[]): void {
    for (const [dpuId, heard] of hearAll(marks, (id) => this.#table.of(id) ?? NEVER_HEARD)) {
      this.#put.run(dpuId, heard.heardAtMs, heard.heldAtMs, heard.holdUntilMs);
    }
  }
}
