// Recounts as the history database keeps them, for those who ask how far one is.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SpaceId } from '../../ids.ts';
import type { RecountState } from '../recounts.ts';

export class RecountTable {
  readonly #between: StatementSync;
  readonly #open: StatementSync;
  readonly #spaceOf: StatementSync;

  constructor(database: DatabaseSync) {
    this.#between = database.prepare('SELECT * FROM recount WHERE fact >= ? AND fact <= ? ORDER BY fact');
    this.#open = database.prepare('SELECT * FROM recount WHERE is_done = 0 ORDER BY fact');
    this.#spaceOf = database.prepare('SELECT id FROM space WHERE number = ?');
  }

  /** Call within one transaction, as for `open`. */
  between(first: number, last: number): RecountState[] {
    return this.#between.all(first, last).map((row) => this.#stateOf(row));
  }

  open(): RecountState[] {
    return this.#open.all().map((row) => this.#stateOf(row));
  }

  #stateOf(row: Record<string, unknown>): RecountState {
    const numbers = JSON.parse(String(row['spaces'])) as number[];
    return {
      fact: Number(row['fact']),
      spaceIds: numbers.map((number) => this.#spaceOf.get(number)?.['id'] as SpaceId).sort(),
      fromMs: Number(row['from_at']),
      untilMs: Number(row['until_at']),
      eventsTotal: Number(row['events_total']),
      eventsDone: Number(row['events_done']),
      isDone: Number(row['is_done']) === 1,
    };
  }
}
