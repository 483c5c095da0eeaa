// Adding to the packed events of a DPU and hour: a row is added to until it is full, and then kept where nothing is added to.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type EventRow, SECONDS_PER_HOUR } from './event-row.ts';
import { packHour } from './hour-packing.ts';

/** The tables of rows that are added to, and of those that are full. */
export const [TOGETHER, APART, FULL] = ['event_hour', 'event_hour_late', 'event_hour_full'] as const;

/** dpu * MAPPINGS_MAX + mapping stays a safe integer up to two million DPUs. */
export const MAPPINGS_MAX = 2 ** 32;

/** A row of `event_hour` so long, bytes, is full: each addition writes it whole, and past 1,000 it would need pages of its own. */
const FULL_BYTES = 500;
/** Events added at once: of some 9 bytes each, when they have epoch and seq. */
const EVENTS_PER_ADDITION = 50;

/** Events of one hour. */
type Group = [dpu: number, mapping: number, rows: readonly EventRow[]];

/** The rows of one table, as they are added to. */
export class HourAdder {
  readonly #add: StatementSync;
  readonly #keepFull: StatementSync;
  readonly #beginAnew: StatementSync;

  constructor(database: DatabaseSync, table: typeof TOGETHER | typeof APART) {
    this.#add = database.prepare(
      `INSERT INTO ${table} VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET events = CAST(events || excluded.events AS BLOB) WHERE length(events) < ${FULL_BYTES}`,
    );
    const place = 'hour = ?1 AND dpu = ?2 AND mapping = ?3';
    this.#keepFull = database.prepare(
      `INSERT INTO ${FULL}
       SELECT hour, dpu, mapping, (SELECT coalesce(max(part), 0) + 1 FROM ${FULL} WHERE ${place}), events
       FROM ${table} WHERE ${place}`,
    );
    this.#beginAnew = database.prepare(`UPDATE ${table} SET events = ?4 WHERE ${place}`);
  }

  add(rows: readonly EventRow[]): void {
    for (const [hour, ofHour] of Map.groupBy(rows, (row) => Math.floor(row[0] / SECONDS_PER_HOUR))) {
      for (const [dpu, mapping, together] of groupsOf(ofHour)) {
        for (let at = 0; at < together.length; at += EVENTS_PER_ADDITION) {
          this.#addPacked(hour, dpu, mapping, packHour(together.slice(at, at + EVENTS_PER_ADDITION)));
        }
      }
    }
  }

  #addPacked(hour: number, dpu: number, mapping: number, packed: Uint8Array): void {
    if (this.#add.run(hour, dpu, mapping, packed).changes !== 0) return;
    this.#keepFull.run(hour, dpu, mapping);
    this.#beginAnew.run(hour, dpu, mapping, packed);
  }
}

/** Of rows of one hour, in the order of the table's key. */
export function groupsOf(rows: readonly EventRow[]): Group[] {
  const groups = Map.groupBy(rows, (row) => row[1] * MAPPINGS_MAX + row[8]);
  return Array.from(Float64Array.from(groups.keys()).sort(), (key) => {
    return [Math.floor(key / MAPPINGS_MAX), key % MAPPINGS_MAX, groups.get(key) as EventRow[]];
  });
}
