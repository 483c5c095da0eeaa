// What one transaction changes in the sums: collected delta by delta, then written once for each space and bucket.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { addToMinutes, HOUR_MS, MINUTE_MS, MINUTES_PER_HOUR } from './minutes.ts';
import type { Effect } from './names.ts';

/** More spaces than this would need wider keys below: hour * SPACES_MAX + space stays a safe integer until the year 900,000. */
export const SPACES_MAX = 2 ** 20;
const HOURS_PER_DAY = 24;
const NO_START = Number.NEGATIVE_INFINITY;

type HourChange = { readonly entrances: Int32Array; readonly exits: Int32Array };
type LiveChange = { entrances: number; exits: number; sinceEntrances: number; sinceExits: number; newestMs: number };

export class Changes {
  readonly #hours = new Map<number, HourChange>();
  readonly #live = new Map<number, LiveChange>();
  readonly #startOf: ReadonlyMap<number, number>;

  /** `startOf`: where the live count of each space (by number) starts, ms; absent: it never was reset. */
  constructor(startOf: ReadonlyMap<number, number>) {
    this.#startOf = startOf;
  }

  /** An event's effect is added (`weight` 1) or taken back (-1). */
  add(timestampMs: number, direction: number, effect: Effect, weight: 1 | -1): void {
    const forward = direction === 1;
    for (const space of effect.enters) this.#delta(timestampMs, space, forward, weight);
    for (const space of effect.leaves) this.#delta(timestampMs, space, !forward, weight);
  }

  #delta(timestampMs: number, space: number, isEntrance: boolean, weight: 1 | -1): void {
    const minuteOfTime = Math.floor(timestampMs / MINUTE_MS);
    const key = Math.floor(minuteOfTime / MINUTES_PER_HOUR) * SPACES_MAX + space;
    let hour = this.#hours.get(key);
    if (hour === undefined) {
      hour = { entrances: new Int32Array(MINUTES_PER_HOUR), exits: new Int32Array(MINUTES_PER_HOUR) };
      this.#hours.set(key, hour);
    }
    const minute = minuteOfTime % MINUTES_PER_HOUR;
    const sums = isEntrance ? hour.entrances : hour.exits;
    sums[minute] = (sums[minute] as number) + weight;

    let live = this.#live.get(space);
    if (live === undefined) {
      live = { entrances: 0, exits: 0, sinceEntrances: 0, sinceExits: 0, newestMs: timestampMs };
      this.#live.set(space, live);
    }
    const isSince = timestampMs > (this.#startOf.get(space) ?? NO_START);
    if (isEntrance) live.entrances += weight;
    else live.exits += weight;
    if (isSince && isEntrance) live.sinceEntrances += weight;
    else if (isSince) live.sinceExits += weight;
    if (timestampMs > live.newestMs) live.newestMs = timestampMs;
  }

  /** Writes everything, in the order of the tables' keys. */
  write(statements: ChangeStatements): void {
    const coarse = new Map<'rollup_day' | 'rollup_month', Map<number, [number, number]>>([
      ['rollup_day', new Map()],
      ['rollup_month', new Map()],
    ]);
    for (const key of Float64Array.from(this.#hours.keys()).sort()) {
      const change = this.#hours.get(key) as HourChange;
      const hour = Math.floor(key / SPACES_MAX);
      const space = key % SPACES_MAX;
      const [entrances, exits] = [total(change.entrances), total(change.exits)];
      const row = statements.readHour.get(hour, space);
      const minutes = addToMinutes(row?.['minutes'] as Uint8Array | undefined, change.entrances, change.exits);
      statements.addHour.run(hour, space, entrances, exits, minutes);
      addTo(coarse.get('rollup_day'), Math.floor(hour / HOURS_PER_DAY) * SPACES_MAX + space, entrances, exits);
      addTo(coarse.get('rollup_month'), monthOf(hour * HOUR_MS) * SPACES_MAX + space, entrances, exits);
    }
    for (const [table, sums] of coarse) {
      for (const key of Float64Array.from(sums.keys()).sort()) {
        const [entrances, exits] = sums.get(key) as [number, number];
        statements.addCoarse[table].run(Math.floor(key / SPACES_MAX), key % SPACES_MAX, entrances, exits);
        if (table === 'rollup_day') statements.staleDay.run(Math.floor(key / SPACES_MAX), key % SPACES_MAX);
      }
    }
    for (const [space, live] of [...this.#live].sort(([one], [other]) => one - other)) {
      const { entrances, exits, sinceEntrances, sinceExits, newestMs } = live;
      statements.addLive.run(space, entrances, exits, sinceEntrances, sinceExits, newestMs);
    }
  }
}

export type ChangeStatements = {
  readonly readHour: StatementSync;
  readonly addHour: StatementSync;
  readonly addCoarse: Record<'rollup_day' | 'rollup_month', StatementSync>;
  readonly staleDay: StatementSync;
  readonly addLive: StatementSync;
};

export function prepareChanges(database: DatabaseSync): ChangeStatements {
  const addCoarse = (table: string, bucket: string) =>
    database.prepare(
      `INSERT INTO ${table} (${bucket}, space, entrances, exits) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET entrances = entrances + excluded.entrances, exits = exits + excluded.exits`,
    );
  return {
    readHour: database.prepare('SELECT minutes FROM rollup_hour WHERE hour = ? AND space = ?'),
    addHour: database.prepare(
      `INSERT INTO rollup_hour (hour, space, entrances, exits, minutes) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET entrances = entrances + excluded.entrances, exits = exits + excluded.exits,
         minutes = excluded.minutes, lowest = NULL, highest = NULL`,
    ),
    addCoarse: { rollup_day: addCoarse('rollup_day', 'day'), rollup_month: addCoarse('rollup_month', 'month') },
    staleDay: database.prepare(
      'INSERT INTO day_profile VALUES (?, ?, NULL) ON CONFLICT DO UPDATE SET hours = NULL WHERE hours IS NOT NULL',
    ),
    addLive: database.prepare(
      `INSERT INTO live (space, entrances, exits, start_at, since_entrances, since_exits, newest_at, revision)
       VALUES (?, ?, ?, NULL, ?, ?, ?, 1)
       ON CONFLICT DO UPDATE SET entrances = entrances + excluded.entrances, exits = exits + excluded.exits,
         since_entrances = since_entrances + excluded.since_entrances, since_exits = since_exits + excluded.since_exits,
         newest_at = max(coalesce(newest_at, excluded.newest_at), excluded.newest_at), revision = revision + 1`,
    ),
  };
}

/** The number of the UTC month that holds `atMs`: 12 * year + month - 1. */
export function monthOf(atMs: number): number {
  const date = new Date(atMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** When month number `month` begins, ms since 1970 UTC. */
export function monthStartMs(month: number): number {
  return Date.UTC(Math.floor(month / 12), month % 12);
}

function addTo(sums: Map<number, [number, number]> | undefined, key: number, entrances: number, exits: number): void {
  const sum = sums?.get(key);
  if (sum === undefined) sums?.set(key, [entrances, exits]);
  else {
    sum[0] += entrances;
    sum[1] += exits;
  }
}

function total(values: Int32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
