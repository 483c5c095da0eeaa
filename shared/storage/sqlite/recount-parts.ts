// What is left of a recount, as rows: the events of one DPU in one period, and how far they are done.
import type { DatabaseSync } from 'node:sqlite';

/** Events of `dpu` in [fromMs, untilMs) were mapped `was` and are `becomes`; those of hours before `nextHour` are done. */
export type Part = {
  readonly number: number;
  readonly dpu: number;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly was: number;
  readonly becomes: number;
  readonly nextHour: number;
  readonly lastHour: number;
};

/** A row of `recount_part`. */
export function partOf(row: Record<string, unknown>): Part {
  const number = (column: string) => Number(row[column]);
  return {
    number: number('number'),
    dpu: number('dpu'),
    fromMs: number('from_at'),
    untilMs: number('until_at'),
    was: number('was'),
    becomes: number('becomes'),
    nextHour: number('next_hour'),
    lastHour: number('last_hour'),
  };
}

export type RecountStatements = ReturnType<typeof prepareRecounts>;

export function prepareRecounts(database: DatabaseSync) {
  return {
    oldest: database.prepare('SELECT fact, recorded_at FROM recount WHERE is_done = 0 ORDER BY fact LIMIT 1'),
    add: database.prepare('INSERT INTO recount VALUES (?, ?, ?, ?, ?, 0, 0, 0)'),
    addPart: database.prepare(
      `INSERT INTO recount_part (fact, dpu, from_at, until_at, was, becomes, next_hour, last_hour, is_counted)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)`,
    ),
    uncountedParts: database.prepare('SELECT * FROM recount_part WHERE fact = ? AND is_counted = 0 LIMIT ?'),
    firstPart: database.prepare('SELECT * FROM recount_part WHERE fact = ? AND is_counted = 1 ORDER BY number LIMIT 1'),
    setCounted: database.prepare('UPDATE recount_part SET is_counted = 1 WHERE number = ?'),
    setNextHour: database.prepare('UPDATE recount_part SET next_hour = ? WHERE number = ?'),
    dropPart: database.prepare('DELETE FROM recount_part WHERE number = ?'),
    addTotal: database.prepare('UPDATE recount SET events_total = events_total + ? WHERE fact = ?'),
    addDone: database.prepare(
      'UPDATE recount SET events_done = events_done + ?1, events_total = max(events_total, events_done + ?1) WHERE fact = ?2',
    ),
    setDone: database.prepare('UPDATE recount SET is_done = 1, events_total = events_done WHERE fact = ?'),
  };
}
