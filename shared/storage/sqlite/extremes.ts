// Extremes of closed hours: the least and greatest running sums, worked out from raw events when nothing more urgent is to do.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Delta, Deltas, foldProfile, MappingTable, profileOf } from './deltas.ts';
import { HOUR_MS, MINUTE_MS, type Minute, packMinutes } from './minutes.ts';

export class Extremes {
  readonly #stale: StatementSync;
  readonly #staleSpaces: StatementSync;
  readonly #update: StatementSync;
  readonly #mappings: MappingTable;
  readonly #deltas: Deltas;

  constructor(database: DatabaseSync) {
    this.#stale = database.prepare(
      'SELECT hour FROM rollup_hour WHERE lowest IS NULL AND hour < ? ORDER BY hour LIMIT 1',
    );
    this.#staleSpaces = database.prepare('SELECT space FROM rollup_hour WHERE lowest IS NULL AND hour = ?');
    this.#update = database.prepare(
      'UPDATE rollup_hour SET lowest = ?, highest = ?, minutes = ? WHERE hour = ? AND space = ?',
    );
    this.#mappings = new MappingTable(database);
    this.#deltas = new Deltas(database);
  }

  /** Works out every stale row of the first stale hour that ended before `beforeMs`; false when there is none. */
  workOutOneHour(beforeMs: number): boolean {
    const hour = this.#stale.get(Math.floor(beforeMs / HOUR_MS))?.['hour'];
    if (hour === undefined) return false;
    const startMs = Number(hour) * HOUR_MS;
    const deltas = this.#deltas.ofAll(this.#mappings.effects(), startMs, startMs + HOUR_MS);
    for (const row of this.#staleSpaces.all(Number(hour))) {
      const space = Number(row['space']);
      const minutes = minutesOf(deltas.get(space) ?? []);
      const whole = { entrances: 0, exits: 0, lowest: 0, highest: 0 };
      for (const minute of minutes) foldProfile(whole, minute);
      this.#update.run(whole.lowest, whole.highest, packMinutes(minutes), Number(hour), space);
    }
    return true;
  }
}

/** The deltas of one hour as a profile for each minute that has any. */
export function minutesOf(deltas: readonly Delta[]): Minute[] {
  const byMinute = Map.groupBy(deltas, (delta) => Math.floor(delta.atMs / MINUTE_MS) % 60);
  return [...byMinute].sort(([one], [other]) => one - other).map(([minute, of]) => ({ minute, ...profileOf(of) }));
}
