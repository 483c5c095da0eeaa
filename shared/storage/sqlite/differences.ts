// Differences as rows: the events of one DPU and hour that a fact maps differently, packed together. Those of a DPU lie
// together, for a recount to write few pages; which DPUs have any in a day stands beside them, for those who look by time.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { HOURS_PER_DAY } from './days.ts';
import type { SpaceEffects } from './deltas.ts';
import { unpackEvents } from './difference-packing.ts';
import { ABSENT, type EventRow, type Identity, identityOf, SECONDS_PER_HOUR } from './event-row.ts';

/** A row of `dpu_difference`. */
export type DifferenceRow = readonly [
  dpu: number,
  hour: number,
  cause: number,
  was: number,
  becomes: number,
  recordedAtMs: number,
  events: Uint8Array,
];

/** How an event came to be mapped, by one fact. */
export type Step = {
  readonly cause: number;
  readonly was: number;
  readonly becomes: number;
  readonly recordedAtMs: number;
};

/** A row of `difference_day`. */
type Place = readonly [day: number, dpu: number, was: number, becomes: number];

/** Told apart from the others of its DPU. */
function keyOf({ atMs, direction, epoch, seq }: Identity): string | number {
  // Most have neither epoch nor seq; a number is made faster than a text.
  return epoch === ABSENT && seq === ABSENT ? atMs * direction : `${atMs * direction} ${epoch} ${seq}`;
}

export class Differences {
  readonly #ofDpu: StatementSync;
  readonly #between: StatementSync;
  readonly #betweenOf: StatementSync;
  readonly #dpusOfDay: StatementSync;
  readonly #add: StatementSync;
  readonly #addPlace: StatementSync;
  readonly #hasPlace: StatementSync;
  readonly #drop: StatementSync;

  constructor(database: DatabaseSync) {
    this.#ofDpu = database.prepare(
      'SELECT * FROM dpu_difference WHERE dpu = ? AND hour >= ? AND hour <= ? ORDER BY hour, cause',
    );
    const between = `SELECT found.* FROM difference_day AS place CROSS JOIN dpu_difference AS found USING (dpu, was, becomes)
      WHERE day >= ?1 AND day <= ?2 AND hour >= max(?3, ${HOURS_PER_DAY} * day) AND hour <= min(?4, ${HOURS_PER_DAY} * (day + 1) - 1)`;
    const isOf = (column: string) => `place.${column} IN (SELECT value FROM json_each(?5))`;
    this.#between = database.prepare(between);
    this.#betweenOf = database.prepare(`${between} AND (${isOf('was')} OR ${isOf('becomes')})`);
    this.#dpusOfDay = database.prepare('SELECT DISTINCT dpu FROM difference_day WHERE day = ?');
    this.#add = database.prepare(
      `INSERT INTO dpu_difference VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET events = CAST(events || excluded.events AS BLOB)`,
    );
    this.#addPlace = database.prepare('INSERT OR IGNORE INTO difference_day VALUES (?, ?, ?, ?)');
    this.#hasPlace = database.prepare(
      'SELECT 1 FROM difference_day WHERE day = ? AND dpu = ? AND was = ? AND becomes = ?',
    );
    this.#drop = database.prepare('DELETE FROM dpu_difference WHERE dpu = ? AND hour = ?');
    for (const statement of [this.#ofDpu, this.#between, this.#betweenOf]) statement.setReturnArrays(true);
  }

  /** Those of all DPUs in the hours from `firstHour` to `lastHour`; `of`: at least those to or from one of its mappings. */
  between(firstHour: number, lastHour: number, of: SpaceEffects | null): Iterable<DifferenceRow> {
    const span = [dayOf(firstHour), dayOf(lastHour), firstHour, lastHour];
    const rows = of === null ? this.#between.iterate(...span) : this.#betweenOf.iterate(...span, of.json);
    return rows as unknown as Iterable<DifferenceRow>;
  }

  add(rows: readonly DifferenceRow[]): void {
    for (const row of rows) this.#add.run(...row);
    this.place(rows);
  }

  /** Lets `between` find the rows. */
  place(rows: readonly DifferenceRow[]): void {
    for (const place of placesOf(rows)) this.#addPlace.run(...place);
  }

  /** True when `between` finds all of the rows. */
  arePlaced(rows: readonly DifferenceRow[]): boolean {
    return placesOf(rows).every((place) => this.#hasPlace.get(...place) !== undefined);
  }

  /** Forgets all of one DPU and hour. */
  drop(dpu: number, hour: number): void {
    this.#drop.run(dpu, hour);
  }

  /** Those of one DPU, in the order of hours, then of facts. */
  ofDpu(dpu: number, firstHour: number, lastHour: number): readonly DifferenceRow[] {
    return this.#ofDpu.all(dpu, firstHour, lastHour) as unknown as DifferenceRow[];
  }

  /** How all facts so far map events. What it has read it remembers: good for one transaction. */
  mappings(): (row: EventRow) => number {
    const dpusOf = new Map<number, ReadonlySet<number>>();
    const stepsOf = new Map<string, (event: Identity) => readonly Step[]>();
    return (row) => {
      const [dpu, hour] = [row[1], Math.floor(row[0] / SECONDS_PER_HOUR)];
      if (!remember(dpusOf, dayOf(hour), (day) => this.#dpusOf(day)).has(dpu)) return row[8];
      const steps = remember(stepsOf, `${hour} ${dpu}`, () => stepsIn(this.ofDpu(dpu, hour, hour)));
      return steps(identityOf(row)).at(-1)?.becomes ?? row[8];
    };
  }

  #dpusOf(day: number): ReadonlySet<number> {
    return new Set(this.#dpusOfDay.all(day).map(({ dpu }) => Number(dpu)));
  }
}

/** How each event that has differences came to be mapped, in the order of facts; `rows` are of one DPU and hour, in that order. */
export function stepsIn(rows: readonly DifferenceRow[]): (event: Identity) => readonly Step[] {
  if (rows.length === 0) return () => [];
  const steps = new Map<string | number, Step[]>();
  for (const [, hour, cause, was, becomes, recordedAtMs, events] of rows) {
    for (const event of unpackEvents(hour, events)) {
      const key = keyOf(event);
      const step = { cause, was, becomes, recordedAtMs };
      const known = steps.get(key);
      if (known === undefined) steps.set(key, [step]);
      else known.push(step);
    }
  }
  return (event) => steps.get(keyOf(event)) ?? [];
}

/** The rows of `difference_day` for these; of rows that follow each other in one day once. */
function placesOf(rows: readonly DifferenceRow[]): Place[] {
  const places: Place[] = [];
  for (const [dpu, hour, , was, becomes] of rows) {
    const [day, last] = [dayOf(hour), places.at(-1)];
    const isSame = last?.[0] === day && last[1] === dpu && last[2] === was && last[3] === becomes;
    if (!isSame) places.push([day, dpu, was, becomes]);
  }
  return places;
}

function dayOf(hour: number): number {
  return Math.floor(hour / HOURS_PER_DAY);
}

function remember<Key, Value>(known: Map<Key, Value>, key: Key, work: (key: Key) => Value): Value {
  const value = known.get(key) ?? work(key);
  known.set(key, value);
  return value;
}
