// Days that are over: the hours of each space together, so that a year of any zone's days is a few hundred rows.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { HOUR_MS, type Minute, packMinutes, unpackMinutes } from './minutes.ts';

export const HOURS_PER_DAY = 24;
const DAY_MS = HOURS_PER_DAY * HOUR_MS;

/** An hour of a day; `minute` is its number within the day. */
export type HourOfDay = Minute;

export class Days {
  readonly #stale: StatementSync;
  readonly #staleSpaces: StatementSync;
  readonly #update: StatementSync;
  readonly #hours: StatementSync;
  readonly #kept: StatementSync;
  readonly #drop: StatementSync;

  constructor(database: DatabaseSync) {
    this.#stale = database.prepare('SELECT day FROM day_profile WHERE hours IS NULL AND day < ? ORDER BY day LIMIT 1');
    this.#staleSpaces = database.prepare('SELECT space FROM day_profile WHERE hours IS NULL AND day = ?');
    this.#update = database.prepare('UPDATE day_profile SET hours = ? WHERE day = ? AND space = ?');
    // A seek an hour: the key begins with it.
    this.#hours = database.prepare(
      `WITH RECURSIVE hours (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM hours WHERE n + 1 < ?1 + ${HOURS_PER_DAY})
       SELECT hour, entrances, exits, lowest, highest FROM hours CROSS JOIN rollup_hour ON hour = n AND space = ?2`,
    );
    this.#kept = database.prepare('SELECT day, space, hours FROM day_profile WHERE hours IS NOT NULL');
    this.#drop = database.prepare('UPDATE day_profile SET hours = NULL WHERE day = ? AND space = ?');
  }

  /** Works out every stale row of the first stale day that ended before `beforeMs`; false when there is none. Its hours must be. */
  workOutOneDay(beforeMs: number): boolean {
    const day = this.#stale.get(Math.floor(beforeMs / DAY_MS))?.['day'];
    if (day === undefined) return false;
    for (const row of this.#staleSpaces.all(Number(day))) {
      const space = Number(row['space']);
      this.#update.run(packMinutes(this.#hoursOf(Number(day), space) ?? []), Number(day), space);
    }
    return true;
  }

  /** The days that are not what their hours make, with `repair` to be worked out again. */
  check(repair: boolean): { day: number; space: number }[] {
    const wrong: { day: number; space: number }[] = [];
    for (const row of this.#kept.all()) {
      const [day, space] = [Number(row['day']), Number(row['space'])];
      const hours = this.#hoursOf(day, space);
      if (hours !== null && Buffer.compare(packMinutes(hours), row['hours'] as Uint8Array) === 0) continue;
      wrong.push({ day, space });
      if (repair) this.#drop.run(day, space);
    }
    return wrong;
  }

  /** Null while one of them is still to be worked out. */
  #hoursOf(day: number, space: number): HourOfDay[] | null {
    const rows = this.#hours.all(day * HOURS_PER_DAY, space);
    if (rows.some((row) => row['lowest'] === null)) return null;
    return rows.map((row) => {
      const minute = Number(row['hour']) - day * HOURS_PER_DAY;
      const [entrances, exits] = [Number(row['entrances']), Number(row['exits'])];
      return { minute, entrances, exits, lowest: Number(row['lowest']), highest: Number(row['highest']) };
    });
  }
}

/** Days as they are read, each once; for the calls of one transaction. */
export class DayReader {
  readonly #statement: StatementSync;
  #last: { readonly day: number; readonly space: number; readonly hours: readonly HourOfDay[] | null } | null = null;

  constructor(database: DatabaseSync) {
    this.#statement = database.prepare('SELECT hours FROM day_profile WHERE day = ? AND space = ?');
  }

  /** Call when a transaction begins. */
  forget(): void {
    this.#last = null;
  }

  /** The hours with deltas of a day that is over, in order; null while it is not, or is to be worked out again. */
  of(day: number, space: number): readonly HourOfDay[] | null {
    if (this.#last?.day !== day || this.#last.space !== space) {
      const packed = this.#statement.get(day, space)?.['hours'] ?? null;
      this.#last = { day, space, hours: packed === null ? null : unpackMinutes(packed as Uint8Array) };
    }
    return this.#last.hours;
  }
}
