// The events of each DPU and hour, packed: where to find their rows, and all of them that a recount needs, so that it reads none.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type EventRow, type Identity, SECONDS_PER_HOUR } from './event-row.ts';
import { endsOf, type HourEvent, packHour, textOf, unpackHour } from './hour-packing.ts';
import { HOUR_MS } from './minutes.ts';

/** dpu * MAPPINGS_MAX + mapping stays a safe integer up to two million DPUs. */
const MAPPINGS_MAX = 2 ** 32;

/** A row of `event_hour` so long, bytes, is full: each addition writes it whole, and past 1,000 it would need pages of its own. */
const FULL_BYTES = 500;
/** Events added at once: of some 9 bytes each, when they have epoch and seq. */
const EVENTS_PER_ADDITION = 50;

/** Hours looked at at most to estimate the events of one DPU: a millisecond. */
const HOURS_PER_ESTIMATE = 200;

/**
 * An event recorded so long after its timestamp, ms, is kept apart, where those of many hours and DPUs share a page: each hour
 * that is over fills pages of its own, one of which would be written for every event.
 */
const APART_AFTER_MS = HOUR_MS;

/** Rows that are added to, by whether they are kept apart. */
const [TOGETHER, APART, FULL] = ['event_hour', 'event_hour_late', 'event_hour_full'] as const;
const TABLES = [TOGETHER, APART, FULL] as const;

/** Events of one hour. */
type Group = [dpu: number, mapping: number, rows: readonly EventRow[]];
type Packed = [dpu: number, mapping: number, packed: Uint8Array];
type OfDpu = [hour: number, mapping: number, packed: Uint8Array];

export class EventHours {
  readonly #ofDpu: readonly StatementSync[];
  readonly #ofHour: readonly StatementSync[];
  readonly #together: Adder;
  readonly #apart: Adder;
  readonly #drop: readonly StatementSync[];

  constructor(database: DatabaseSync) {
    // A sum of seeks: the hours are few, and the key begins with them.
    this.#ofDpu = TABLES.map((table) =>
      database.prepare(
        `WITH RECURSIVE hours (hour) AS (SELECT ?1 UNION ALL SELECT hour + ?4 FROM hours WHERE hour + ?4 <= ?2)
         SELECT hour, mapping, events FROM hours CROSS JOIN ${table} USING (hour) WHERE dpu = ?3`,
      ),
    );
    this.#ofHour = TABLES.map((table) => database.prepare(`SELECT dpu, mapping, events FROM ${table} WHERE hour = ?`));
    for (const statement of [...this.#ofDpu, ...this.#ofHour]) statement.setReturnArrays(true);
    this.#together = new Adder(database, TOGETHER);
    this.#apart = new Adder(database, APART);
    this.#drop = TABLES.map((table) => database.prepare(`DELETE FROM ${table} WHERE hour = ? AND dpu = ?`));
  }

  /** Rows in key order that are in `event`, and not here yet. */
  add(rows: readonly EventRow[]): void {
    const { apart = [], together = [] } = Object.groupBy(rows, (row) =>
      row[6] >= APART_AFTER_MS ? 'apart' : 'together',
    );
    this.#together.add(together);
    this.#apart.add(apart);
  }

  /** The hours from `firstHour` to `lastHour` in which the DPU has events, in order, with its events in order. */
  *ofDpu(dpu: number, firstHour: number, lastHour: number): Generator<[hour: number, events: HourEvent[]]> {
    // All at once: whoever takes them writes in between.
    const rows = this.#ofDpu.flatMap((statement) => statement.all(firstHour, lastHour, dpu, 1) as unknown as OfDpu[]);
    rows.sort(([one], [other]) => one - other);
    for (let at = 0; at < rows.length; ) {
      const [hour, mapping, packed] = rows[at] as OfDpu;
      const events = unpackHour(hour, mapping, packed);
      for (at += 1; rows[at]?.[0] === hour; at++) {
        const [, mapping, packed] = rows[at] as OfDpu;
        events.push(...unpackHour(hour, mapping, packed));
      }
      yield [hour, events.sort(compareIdentities)];
    }
  }

  /** About how many events there are; of few hours it is exact. */
  estimate(dpu: number, firstHour: number, lastHour: number): number {
    const every = sampling(lastHour + 1 - firstHour);
    let events = 0;
    for (const statement of this.#ofDpu) {
      const rows = statement.iterate(firstHour, lastHour, dpu, every) as unknown as Iterable<OfDpu>;
      for (const [, , packed] of rows) events += endsOf(packed).length;
    }
    return events * every;
  }

  /** The DPUs of which something else is kept than `rows`, which are all of the hour. */
  wrong(hour: number, rows: readonly EventRow[]): number[] {
    const right = byKey(groupsOf(rows).map(([dpu, mapping, together]) => [dpu, mapping, packHour(together)]));
    const kept = byKey(this.#ofHour.flatMap((statement) => statement.all(hour) as unknown as Packed[]));
    const keys = [...new Set([...right.keys(), ...kept.keys()])];
    const wrong = keys.filter((key) => !areSame(right.get(key), kept.get(key)));
    return [...new Set(wrong.map((key) => Math.floor(key / MAPPINGS_MAX)))];
  }

  /** Forgets those of one DPU and hour. */
  drop(hour: number, dpu: number): void {
    for (const statement of this.#drop) statement.run(hour, dpu);
  }
}

/** The rows of one table, as they are added to. */
class Adder {
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

/** Every which of so many hours is looked at. It meets all hours of the day, and of the week. */
function sampling(hours: number): number {
  let every = Math.ceil(hours / HOURS_PER_ESTIMATE);
  while (every % 2 === 0 || every % 3 === 0 || every % 7 === 0) every += 1;
  return every;
}

/** Of rows of one hour, in the order of the table's key. */
function groupsOf(rows: readonly EventRow[]): Group[] {
  const groups = Map.groupBy(rows, (row) => row[1] * MAPPINGS_MAX + row[8]);
  return Array.from(Float64Array.from(groups.keys()).sort(), (key) => {
    return [Math.floor(key / MAPPINGS_MAX), key % MAPPINGS_MAX, groups.get(key) as EventRow[]];
  });
}

/** Together what is of one DPU and mapping. */
function byKey(packed: readonly Packed[]): Map<number, Uint8Array> {
  const together = new Map<number, Uint8Array>();
  for (const [dpu, mapping, events] of packed) {
    const key = dpu * MAPPINGS_MAX + mapping;
    const known = together.get(key);
    together.set(key, known === undefined ? events : Buffer.concat([known, events]));
  }
  return together;
}

function areSame(one: Uint8Array = new Uint8Array(), other: Uint8Array = new Uint8Array()): boolean {
  return Buffer.compare(one, other) === 0 || textOf(one) === textOf(other);
}

function compareIdentities(one: Identity, other: Identity): number {
  return one.atMs - other.atMs || one.direction - other.direction || one.epoch - other.epoch || one.seq - other.seq;
}
