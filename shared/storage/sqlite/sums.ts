// The sums of a space up to an instant: whole months, days and hours from rollups, minutes from the hour's row, the rest raw.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Sums as SumsOf } from '../history.ts';
import { monthOf, monthStartMs } from './changes.ts';
import { Deltas, MappingTable } from './deltas.ts';
import { HOUR_MS, MINUTE_MS, unpackMinutes } from './minutes.ts';

const DAY_MS = 24 * HOUR_MS;
const LATEST_MS = 8.64e15;

export class Sums {
  readonly #levels: Record<'month' | 'day' | 'hour', StatementSync>;
  readonly #firstMonth: StatementSync;
  readonly #minutes: StatementSync;
  readonly #total: StatementSync;
  readonly #mappings: MappingTable;
  readonly #deltas: Deltas;

  constructor(database: DatabaseSync) {
    // One seek a bucket: the keys begin with the bucket, which keeps what is written together close together.
    const level = (bucket: string) =>
      database.prepare(
        `WITH RECURSIVE buckets (n) AS (SELECT ?1 WHERE ?1 < ?2 UNION ALL SELECT n + 1 FROM buckets WHERE n + 1 < ?2)
         SELECT coalesce(sum(entrances), 0) AS entrances, coalesce(sum(exits), 0) AS exits
         FROM buckets CROSS JOIN rollup_${bucket} ON ${bucket} = n AND space = ?3`,
      );
    this.#levels = { month: level('month'), day: level('day'), hour: level('hour') };
    this.#firstMonth = database.prepare('SELECT month FROM rollup_month ORDER BY month LIMIT 1');
    this.#minutes = database.prepare('SELECT minutes FROM rollup_hour WHERE hour = ? AND space = ?');
    this.#total = database.prepare('SELECT entrances, exits FROM live WHERE space = ?');
    this.#mappings = new MappingTable(database);
    this.#deltas = new Deltas(database);
  }

  /** Sums of all deltas of space number `space` with timestamp <= atMs. Call within one transaction. */
  at(space: number, atMs: number): SumsOf {
    const firstMonth = this.#firstMonth.get();
    if (firstMonth === undefined) return { entrances: 0, exits: 0 };
    if (atMs >= LATEST_MS) return sumsOf(this.#total.get(space));
    const untilMs = atMs + 1;
    const month = monthOf(untilMs);
    const day = Math.floor(untilMs / DAY_MS);
    const hour = Math.floor(untilMs / HOUR_MS);
    const minuteMs = Math.floor(untilMs / MINUTE_MS) * MINUTE_MS;
    const parts = [
      sumsOf(this.#levels.month.get(Number(firstMonth['month']), month, space)),
      sumsOf(this.#levels.day.get(monthStartMs(month) / DAY_MS, day, space)),
      sumsOf(this.#levels.hour.get(day * 24, hour, space)),
      this.#minutesBefore(space, hour, minuteMs),
      ...(untilMs > minuteMs ? this.#deltas.of(this.#mappings.ofSpace(space), minuteMs, untilMs) : []),
    ];
    const sums = { entrances: 0, exits: 0 };
    for (const part of parts) {
      sums.entrances += part.entrances;
      sums.exits += part.exits;
    }
    return sums;
  }

  #minutesBefore(space: number, hour: number, minuteMs: number): SumsOf {
    const sums = { entrances: 0, exits: 0 };
    const packed = this.#minutes.get(hour, space)?.['minutes'];
    for (const minute of packed === undefined ? [] : unpackMinutes(packed as Uint8Array)) {
      if (hour * HOUR_MS + minute.minute * MINUTE_MS >= minuteMs) break;
      sums.entrances += minute.entrances;
      sums.exits += minute.exits;
    }
    return sums;
  }
}

/** Entrances less exits. */
export function netOf({ entrances, exits }: SumsOf): number {
  return entrances - exits;
}

function sumsOf(row: Record<string, unknown> | undefined): SumsOf {
  return { entrances: Number(row?.['entrances'] ?? 0), exits: Number(row?.['exits'] ?? 0) };
}
