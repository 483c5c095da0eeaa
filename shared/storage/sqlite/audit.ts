// The audit: every projection compared with a replay of the raw events, hour by hour, and put right where asked.
import type { DatabaseSync } from 'node:sqlite';
import type { SpaceId } from '../../ids.ts';
import type { AuditOptions, AuditReport, Discrepancy, Sums, Truth } from '../history.ts';
import { AuditHour } from './audit-hour.ts';
import { AuditShifts } from './audit-shifts.ts';
import { monthOf } from './changes.ts';
import { transaction } from './database.ts';
import { Days } from './days.ts';
import { SECONDS_PER_HOUR } from './event-row.ts';
import { Shifts } from './late-ledger.ts';
import { HOUR_MS } from './minutes.ts';
import type { Names } from './names.ts';

type MutableSums = { -readonly [Key in keyof Sums]: number };

/** Findings past this say nothing new. */
const DISCREPANCIES_MAX = 1000;

/** Sums by bucket and space, as the replay makes them. */
class Totals {
  readonly #sums = new Map<string, MutableSums>();

  add(bucket: number, space: number, sums: Sums): void {
    const key = `${bucket} ${space}`;
    const known = this.#sums.get(key) ?? { entrances: 0, exits: 0 };
    known.entrances += sums.entrances;
    known.exits += sums.exits;
    this.#sums.set(key, known);
  }

  *rows(): Generator<[bucket: number, space: number, sums: Sums]> {
    for (const [key, sums] of this.#sums) {
      const [bucket, space] = key.split(' ').map(Number) as [number, number];
      yield [bucket, space, sums];
    }
  }

  of(bucket: number, space: number): Sums {
    return this.#sums.get(`${bucket} ${space}`) ?? { entrances: 0, exits: 0 };
  }
}

export async function audit(
  database: DatabaseSync,
  names: Names,
  startOf: ReadonlyMap<number, number>,
  truth: Truth,
  options: AuditOptions,
): Promise<AuditReport> {
  const hours = new AuditHour(database, names, truth, options.repair);
  const dayShifts = new AuditShifts(database, options.repair);
  const nextSecond = database.prepare(
    `SELECT min(at) AS second FROM (SELECT min(second) AS at FROM event WHERE second >= ?1
       UNION ALL SELECT 3600 * min(hour) FROM rollup_hour WHERE 3600 * hour >= ?1
       UNION ALL SELECT 3600 * min(hour) FROM event_hour WHERE 3600 * hour >= ?1
       UNION ALL SELECT 3600 * min(hour) FROM event_hour_full WHERE 3600 * hour >= ?1
       UNION ALL SELECT 86400 * min(day) FROM shift_day WHERE 86400 * day >= ?1)`,
  );
  const [days, months, all, since] = [new Totals(), new Totals(), new Totals(), new Totals()];
  const discrepancies: Discrepancy[] = [];
  let events = 0;
  let [today, shifts] = [0, new Shifts()];
  const endOfDay = () => {
    for (const space of transaction(database, () => dayShifts.check(today, shifts))) {
      discrepancies.push({ ...blank(names, space), detail: `what recounts changed in day ${today}` });
    }
  };
  for (let second = 0; ; ) {
    const next = nextSecond.get(second)?.['second'];
    if (next === null || next === undefined) break;
    const hour = Math.floor(Number(next) / SECONDS_PER_HOUR);
    if (Math.floor(hour / 24) !== today) {
      endOfDay();
      [today, shifts] = [Math.floor(hour / 24), new Shifts()];
    }
    const found = transaction(database, () => hours.check(hour, startOf, shifts));
    events += found.events;
    for (const [space, sums] of found.sums) {
      days.add(Math.floor(hour / 24), space, sums);
      months.add(monthOf(hour * HOUR_MS), space, sums);
      all.add(0, space, sums);
    }
    for (const [space, sums] of found.since) since.add(0, space, sums);
    for (const { space, detail } of found.faults) {
      if (discrepancies.length < DISCREPANCIES_MAX) discrepancies.push({ ...blank(names, space), detail });
    }
    options.onProgress?.({ events, hour });
    second = (hour + 1) * SECONDS_PER_HOUR;
    // Lets the thread answer while a long audit runs.
    await new Promise(setImmediate);
  }
  endOfDay();
  transaction(database, () => {
    const levels = [
      { table: 'rollup_day', bucket: 'day', totals: days },
      { table: 'rollup_month', bucket: 'month', totals: months },
    ];
    for (const level of levels) discrepancies.push(...checkLevel(database, names, level, options.repair));
    const wrongDays = new Days(database).check(options.repair);
    discrepancies.push(
      ...wrongDays.map(({ day, space }) => ({ ...blank(names, space), detail: `hours of day ${day}` })),
    );
    discrepancies.push(...checkLive(database, names, all, since, options.repair));
  });
  const spaces = Number(database.prepare('SELECT count(*) AS spaces FROM space').get()?.['spaces']);
  return { spaces, events, discrepancies: withCounts(database, names, all, discrepancies) };
}

function checkLevel(
  database: DatabaseSync,
  names: Names,
  { table, bucket, totals }: { table: string; bucket: string; totals: Totals },
  repair: boolean,
): Discrepancy[] {
  const found: Discrepancy[] = [];
  const kept = new Totals();
  for (const row of database.prepare(`SELECT ${bucket} AS bucket, space, entrances, exits FROM ${table}`).iterate()) {
    kept.add(Number(row['bucket']), Number(row['space']), sumsOf(row));
  }
  const put = database.prepare(`INSERT OR REPLACE INTO ${table} VALUES (?, ?, ?, ?)`);
  for (const [one, other] of [
    [totals, kept],
    [kept, totals],
  ] as const) {
    for (const [number, space, sums] of one.rows()) {
      if (equal(sums, other.of(number, space))) continue;
      const right = totals.of(number, space);
      if (one === totals)
        found.push({
          ...blank(names, space),
          detail: `${bucket} ${number}: ${text(kept.of(number, space))}, should be ${text(right)}`,
        });
      if (repair) put.run(number, space, right.entrances, right.exits);
    }
  }
  return found;
}

function checkLive(database: DatabaseSync, names: Names, all: Totals, since: Totals, repair: boolean): Discrepancy[] {
  const found: Discrepancy[] = [];
  const put = database.prepare(
    `UPDATE live SET entrances = ?, exits = ?, since_entrances = ?, since_exits = ?, revision = revision + 1 WHERE space = ?`,
  );
  const add = database.prepare('INSERT INTO live VALUES (?, 0, 0, NULL, 0, 0, NULL, 0)');
  const live = database.prepare('SELECT * FROM live WHERE space = ?');
  for (const row of database.prepare('SELECT number FROM space').all()) {
    const space = Number(row['number']);
    const kept = live.get(space);
    const keptSince = { entrances: Number(kept?.['since_entrances'] ?? 0), exits: Number(kept?.['since_exits'] ?? 0) };
    if (equal(sumsOf(kept ?? {}), all.of(0, space)) && equal(keptSince, since.of(0, space))) continue;
    const detail = `live: ${text(keptSince)}, should be ${text(since.of(0, space))}`;
    found.push({ ...blank(names, space), detail });
    if (!repair) continue;
    if (kept === undefined) add.run(space);
    const [total, sinceStart] = [all.of(0, space), since.of(0, space)];
    put.run(total.entrances, total.exits, sinceStart.entrances, sinceStart.exits, space);
  }
  return found;
}

/** Each discrepancy with the count of its space as kept live, as summed from months, and as replayed. */
function withCounts(database: DatabaseSync, names: Names, all: Totals, found: readonly Discrepancy[]): Discrepancy[] {
  const live = database.prepare('SELECT entrances, exits FROM live WHERE space = ?');
  const history = database.prepare(
    'SELECT coalesce(sum(entrances), 0) AS entrances, coalesce(sum(exits), 0) AS exits FROM rollup_month WHERE space = ?',
  );
  return found.map((discrepancy) => {
    if (discrepancy.spaceId === null) return discrepancy;
    const space = names.space(discrepancy.spaceId);
    const count = ({ entrances, exits }: Sums) => entrances - exits;
    return {
      ...discrepancy,
      live: count(sumsOf(live.get(space) ?? {})),
      history: count(sumsOf(history.get(space) ?? {})),
      replay: count(all.of(0, space)),
    };
  });
}

function blank(names: Names, space: number | null): Omit<Discrepancy, 'detail'> {
  const spaceId: SpaceId | null = space === null ? null : names.spaceId(space);
  return { spaceId, live: 0, history: 0, replay: 0 };
}

function sumsOf(row: Record<string, unknown>): Sums {
  return { entrances: Number(row['entrances'] ?? 0), exits: Number(row['exits'] ?? 0) };
}

function equal(one: Sums, other: Sums): boolean {
  return one.entrances === other.entrances && one.exits === other.exits;
}

function text({ entrances, exits }: Sums): string {
  return `+${entrances} -${exits}`;
}
