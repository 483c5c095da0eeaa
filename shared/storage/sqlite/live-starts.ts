// Where live counts start: the newest reset of each space that has come due, in the database and in memory.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { LiveStart } from '../history.ts';
import type { Names } from './names.ts';
import type { Sums } from './sums.ts';

export class LiveStarts {
  readonly #names: Names;
  readonly #sums: Sums;
  readonly #read: StatementSync;
  readonly #put: StatementSync;
  readonly #totals: StatementSync;
  /** By space number, ms since 1970 UTC; spaces that never were reset are left out. */
  readonly startOf = new Map<number, number>();

  constructor(database: DatabaseSync, names: Names, sums: Sums) {
    this.#names = names;
    this.#sums = sums;
    this.#read = database.prepare('SELECT space, start_at FROM live WHERE start_at IS NOT NULL');
    this.#put = database.prepare(
      `INSERT INTO live (space, entrances, exits, start_at, since_entrances, since_exits, newest_at, revision)
       VALUES (?1, 0, 0, ?2, ?3, ?4, NULL, 1)
       ON CONFLICT DO UPDATE SET start_at = ?2, since_entrances = ?3, since_exits = ?4, revision = revision + 1`,
    );
    this.#totals = database.prepare('SELECT entrances, exits FROM live WHERE space = ?');
    this.load();
  }

  /** Reads everything anew; call after a transaction that was undone. */
  load(): void {
    this.startOf.clear();
    for (const row of this.#read.iterate()) this.startOf.set(Number(row['space']), Number(row['start_at']));
  }

  /** The live count of the space starts there from now on. */
  move({ spaceId, atMs }: LiveStart): void {
    const space = this.#names.space(spaceId);
    const before = atMs === null ? { entrances: 0, exits: 0 } : this.#sums.at(space, atMs);
    const all = this.#totals.get(space);
    const since = [Number(all?.['entrances'] ?? 0) - before.entrances, Number(all?.['exits'] ?? 0) - before.exits];
    this.#put.run(space, atMs, ...since);
    if (atMs === null) this.startOf.delete(space);
    else this.startOf.set(space, atMs);
  }
}
