// What one transaction changes in the sums: collected delta by delta, then written once for each space and bucket.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Identity } from './event-row.ts';
import { HourSums, SPACES_MAX } from './hour-sums.ts';
import { addToMinutes, HOUR_MS, MINUTE_MS, MINUTES_PER_HOUR } from './minutes.ts';
import type { Effect } from './names.ts';

const HOURS_PER_DAY = 24;
const DAY_MS = HOURS_PER_DAY * HOUR_MS;
const NO_START = Number.NEGATIVE_INFINITY;

/** What of an event moves counts. */
type Moment = Pick<Identity, 'atMs'> & { readonly direction: number };
/** By bucket * SPACES_MAX + space. */
type Totals = Map<number, [entrances: number, exits: number]>;
type LiveChange = { entrances: number; exits: number; sinceEntrances: number; sinceExits: number; newestMs: number };

export class Changes {
  readonly #hours = new HourSums();
  readonly #live = new Map<number, LiveChange>();
  readonly #startOf: ReadonlyMap<number, number>;

  /** `startOf`: where the live count of each space (by number) starts, ms; absent: it never was reset. */
  constructor(startOf: ReadonlyMap<number, number>) {
    this.#startOf = startOf;
  }

  /** Forgets what was added; call when a transaction begins. */
  clear(): void {
    this.#hours.clear();
    this.#live.clear();
  }

  /** An event's effect is added. */
  add(event: Moment, effect: Effect): void {
    this.addAll([event], effect, 1);
  }

  /** The effects of events, all of one hour, are added (`weight` 1) or taken back (-1). */
  addAll(events: readonly Moment[], effect: Effect, weight: 1 | -1): void {
    for (const space of effect.enters) this.#deltas(events, space, true, weight);
    for (const space of effect.leaves) this.#deltas(events, space, false, weight);
  }

  #deltas(events: readonly Moment[], space: number, isEntrance: boolean, weight: 1 | -1): void {
    const [first] = events;
    if (first === undefined) return;
    const hour = Math.floor(first.atMs / HOUR_MS);
    const place = this.#hours.placeOf(hour, space);
    const startMs = this.#startOf.get(space) ?? NO_START;
    let live = this.#live.get(space);
    if (live === undefined) {
      live = { entrances: 0, exits: 0, sinceEntrances: 0, sinceExits: 0, newestMs: first.atMs };
      this.#live.set(space, live);
    }
    for (const { atMs, direction } of events) {
      const isIn = (direction === 1) === isEntrance;
      this.#hours.add(place, Math.floor((atMs - hour * HOUR_MS) / MINUTE_MS), isIn, weight);
      if (isIn) live.entrances += weight;
      else live.exits += weight;
      if (atMs > live.newestMs) live.newestMs = atMs;
      if (atMs <= startMs) continue;
      if (isIn) live.sinceEntrances += weight;
      else live.sinceExits += weight;
    }
  }

  /** Writes everything, in the order of the tables' keys. */
  write(statements: ChangeStatements): void {
    const [days, months]: [Totals, Totals] = [new Map(), new Map()];
    for (const [hour, space, sums, place] of this.#hours.all()) {
      const [entered, left] = [total(sums, place), total(sums, place + MINUTES_PER_HOUR)];
      statements.addHour(hour, space, entered, left, { sums, place });
      addTo(days, Math.floor(hour / HOURS_PER_DAY) * SPACES_MAX + space, entered, left);
    }
    for (const [day, space, entrances, exits] of inOrder(days)) {
      statements.addDay.run(day, space, entrances, exits);
      statements.staleDay.run(day, space);
      addTo(months, monthOf(day * DAY_MS) * SPACES_MAX + space, entrances, exits);
    }
    for (const month of inOrder(months)) statements.addMonth.run(...month);
    for (const [space, live] of [...this.#live].sort(([one], [other]) => one - other)) {
      const { entrances, exits, sinceEntrances, sinceExits, newestMs } = live;
      statements.addLive.run(space, entrances, exits, sinceEntrances, sinceExits, newestMs);
    }
  }
}

/** From `place` on in `sums`: entrances of each minute of an hour, then exits. */
type MinuteSums = { readonly sums: Int32Array; readonly place: number };

export type ChangeStatements = {
  addHour(hour: number, space: number, entrances: number, exits: number, minutes: MinuteSums): void;
  readonly addDay: StatementSync;
  readonly addMonth: StatementSync;
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
    addHour: prepareAddHour(database),
    addDay: addCoarse('rollup_day', 'day'),
    addMonth: addCoarse('rollup_month', 'month'),
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

function prepareAddHour(database: DatabaseSync): ChangeStatements['addHour'] {
  let added: MinuteSums = { sums: new Int32Array(), place: 0 };
  // Called by the update: to read the row first would be a second search for it.
  database.function('with_added', (minutes) => addToMinutes(minutes as Uint8Array, added.sums, added.place));
  const update = database.prepare(
    `UPDATE rollup_hour SET entrances = entrances + ?, exits = exits + ?, lowest = NULL, highest = NULL,
       minutes = with_added(minutes) WHERE hour = ? AND space = ?`,
  );
  const insert = database.prepare(
    'INSERT INTO rollup_hour (hour, space, entrances, exits, minutes) VALUES (?, ?, ?, ?, ?)',
  );
  return (hour, space, entrances, exits, minutes) => {
    added = minutes;
    if (update.run(entrances, exits, hour, space).changes !== 0) return;
    insert.run(hour, space, entrances, exits, addToMinutes(undefined, minutes.sums, minutes.place));
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

function addTo(sums: Totals, key: number, entrances: number, exits: number): void {
  const sum = sums.get(key);
  if (sum === undefined) sums.set(key, [entrances, exits]);
  else {
    sum[0] += entrances;
    sum[1] += exits;
  }
}

/** In the order of buckets, then spaces. */
function* inOrder(sums: Totals): Generator<[bucket: number, space: number, entrances: number, exits: number]> {
  for (const key of Float64Array.from(sums.keys()).sort()) {
    yield [Math.floor(key / SPACES_MAX), key % SPACES_MAX, ...(sums.get(key) as [number, number])];
  }
}

/** Of the minutes of an hour. */
function total(sums: Int32Array, place: number): number {
  let all = 0;
  for (let at = place; at < place + MINUTES_PER_HOUR; at++) all += sums[at] as number;
  return all;
}
