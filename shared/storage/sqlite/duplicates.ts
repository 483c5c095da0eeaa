// Duplicates: how often each event came again. They change no count; an explanation tells them.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Direction } from '../../event.ts';
import type { DpuId } from '../../ids.ts';
import type { Repeated, Span } from '../history.ts';
import { type EventRow, SECOND_MS } from './event-row.ts';

/** Counts the copies among what was committed; part of the transaction that moves the cursor past them. */
export class DuplicateCounter {
  readonly #add: StatementSync;

  constructor(database: DatabaseSync) {
    this.#add = database.prepare(
      `INSERT INTO duplicate (second, dpu, ms, direction, epoch, seq, copies) VALUES (?, ?, ?, ?, ?, ?, 1)
       ON CONFLICT DO UPDATE SET copies = copies + 1`,
    );
  }

  /** `rows`, each identity once, of which `fresh` were stored; `repeats`: the others that came with them. */
  count(rows: readonly EventRow[], fresh: readonly EventRow[], repeats: readonly EventRow[]): void {
    for (const row of repeats) this.#add.run(...keyOf(row));
    if (fresh.length === rows.length) return;
    const stored = new Set(fresh);
    for (const row of rows) if (!stored.has(row)) this.#add.run(...keyOf(row));
  }
}

export class DuplicateTable {
  readonly #all: StatementSync;
  readonly #ofDpu: StatementSync;

  constructor(database: DatabaseSync) {
    const select = `SELECT id, 1000 * second + ms AS timestamp, direction, epoch, seq, copies
      FROM dpu CROSS JOIN duplicate ON dpu = number
      WHERE second >= CAST(?1 AS INTEGER) / ${SECOND_MS} AND second <= CAST(?2 AS INTEGER) / ${SECOND_MS}
        AND 1000 * second + ms >= ?1 AND 1000 * second + ms < ?2`;
    this.#all = database.prepare(select);
    this.#ofDpu = database.prepare(`${select} AND id = ?3`);
  }

  in({ fromMs, untilMs }: Span, dpuId: DpuId | null): Repeated[] {
    const rows = dpuId === null ? this.#all.all(fromMs, untilMs) : this.#ofDpu.all(fromMs, untilMs, dpuId);
    return rows.map((row) => ({
      dpuId: row['id'] as DpuId,
      timestampMs: Number(row['timestamp']),
      direction: Number(row['direction']) as Direction,
      epoch: orNull(Number(row['epoch'])),
      seq: orNull(Number(row['seq'])),
      copies: Number(row['copies']),
    }));
  }
}

function keyOf(row: EventRow) {
  return [row[0], row[1], row[2], row[3], row[4], row[5]] as const;
}

/** -1 stands for absent. */
function orNull(counter: number): number | null {
  return counter < 0 ? null : counter;
}
