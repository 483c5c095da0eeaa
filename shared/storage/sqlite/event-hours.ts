// The events of each DPU and hour, packed: where to find their rows, and all of them that a recount needs, so that it reads none.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { APART, FULL, groupsOf, HourAdder, MAPPINGS_MAX, TOGETHER } from './event-hour-adder.ts';
import type { EventRow, Identity } from './event-row.ts';
import { endsOf, type HourEvent, packHour, textOf, unpackHour } from './hour-packing.ts';
import { HOUR_MS } from './minutes.ts';

/** Hours looked at at most to estimate the events of one DPU: a millisecond. */
const HOURS_PER_ESTIMATE = 200;

/**
 * An event recorded so long after its timestamp, ms, is kept apart, where those of many hours and DPUs share a page: each hour
 * that is over fills pages of its own, one of which would be written for every event.
 */
const APART_AFTER_MS = HOUR_MS;

const TABLES = [TOGETHER, APART, FULL] as const;

type Packed = [dpu: number, mapping: number, packed: Uint8Array];
type OfDpu = [hour: number, mapping: number, packed: Uint8Array];

export class EventHours {
  readonly #ofDpu: readonly StatementSync[];
  readonly #ofHour: readonly StatementSync[];
  readonly #together: HourAdder;
  readonly #apart: HourAdder;
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
    this.#together = new HourAdder(database, TOGETHER);
    this.#apart = new HourAdder(database, APART);
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

/** Every which of so many hours is looked at. It meets all hours of the day, and of the week. */
function sampling(hours: number): number {
  let every = Math.ceil(hours / HOURS_PER_ESTIMATE);
  while (every % 2 === 0 || every % 3 === 0 || every % 7 === 0) every += 1;
  return every;
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
