// Differences as rows: the events of one DPU and hour that a fact maps differently, packed together.
//
//   event = 8 * (ms within the hour) + (4: with seq) + (2: with epoch) + (1: direction is +1), epoch, seq   (varints)
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { readVarint, writeVarint } from '../varint.ts';
import { ABSENT, type EventRow, type Identity, identityOf, SECONDS_PER_HOUR } from './event-row.ts';
import { HOUR_MS } from './minutes.ts';

/** A row of `difference_hour`. */
export type DifferenceRow = readonly [
  hour: number,
  dpu: number,
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

const [DIRECTION, EPOCH, SEQ, FLAGS] = [1, 2, 4, 8];

export function packEvents(events: readonly Identity[]): Uint8Array {
  const bytes: number[] = [];
  for (const { atMs, direction, epoch, seq } of events) {
    const flags = (direction === 1 ? DIRECTION : 0) + (epoch === ABSENT ? 0 : EPOCH) + (seq === ABSENT ? 0 : SEQ);
    writeVarint(bytes, (atMs % HOUR_MS) * FLAGS + flags);
    if (epoch !== ABSENT) writeVarint(bytes, epoch);
    if (seq !== ABSENT) writeVarint(bytes, seq);
  }
  return Uint8Array.from(bytes);
}

/** The opposite, of a row's hour and events. */
export function* unpackEvents(hour: number, packed: Uint8Array): Generator<Identity> {
  const cursor = { at: 0 };
  while (cursor.at < packed.length) {
    const head = readVarint(packed, cursor);
    yield {
      atMs: hour * HOUR_MS + Math.floor(head / FLAGS),
      direction: head % 2 === DIRECTION ? 1 : -1,
      epoch: (head & EPOCH) === 0 ? ABSENT : readVarint(packed, cursor),
      seq: (head & SEQ) === 0 ? ABSENT : readVarint(packed, cursor),
    };
  }
}

/** Told apart from the others of its DPU. */
function keyOf({ atMs, direction, epoch, seq }: Identity): string | number {
  // Most have neither epoch nor seq; a number is made faster than a text.
  return epoch === ABSENT && seq === ABSENT ? atMs * direction : `${atMs * direction} ${epoch} ${seq}`;
}

export class Differences {
  readonly #any: StatementSync;
  readonly #ofDpu: StatementSync;
  readonly #between: StatementSync;
  readonly #add: StatementSync;
  readonly #drop: StatementSync;

  constructor(database: DatabaseSync) {
    this.#any = database.prepare('SELECT 1 FROM difference_hour WHERE hour = ? LIMIT 1');
    this.#ofDpu = database.prepare('SELECT * FROM difference_hour WHERE hour = ? AND dpu = ? ORDER BY cause');
    this.#between = database.prepare('SELECT * FROM difference_hour WHERE hour >= ? AND hour <= ?');
    this.#add = database.prepare(
      `INSERT INTO difference_hour VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET events = CAST(events || excluded.events AS BLOB)`,
    );
    this.#drop = database.prepare('DELETE FROM difference_hour WHERE hour = ? AND dpu = ?');
    for (const statement of [this.#ofDpu, this.#between]) statement.setReturnArrays(true);
  }

  /** Those of all DPUs in the hours from `firstHour` to `lastHour`. */
  between(firstHour: number, lastHour: number): Iterable<DifferenceRow> {
    return this.#between.iterate(firstHour, lastHour) as unknown as Iterable<DifferenceRow>;
  }

  add(row: DifferenceRow): void {
    this.#add.run(...row);
  }

  /** Forgets all of one DPU and hour. */
  drop(hour: number, dpu: number): void {
    this.#drop.run(hour, dpu);
  }

  /** How each event of the hour and DPU that has differences came to be mapped, in the order of facts. */
  stepsOf(hour: number, dpu: number): (event: Identity) => readonly Step[] {
    const rows = this.#ofDpu.all(hour, dpu) as unknown as DifferenceRow[];
    if (rows.length === 0) return () => [];
    const steps = new Map<string | number, Step[]>();
    for (const [, , cause, was, becomes, recordedAtMs, events] of rows) {
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

  /** How all facts so far map events. What it has read it remembers: good for one transaction. */
  mappings(): (row: EventRow) => number {
    const isRemapped = new Map<number, boolean>();
    const stepsOf = new Map<string, (event: Identity) => readonly Step[]>();
    return (row) => {
      const hour = Math.floor(row[0] / SECONDS_PER_HOUR);
      if (!remember(isRemapped, hour, () => this.#any.get(hour) !== undefined)) return row[8];
      const steps = remember(stepsOf, `${hour} ${row[1]}`, () => this.stepsOf(hour, row[1]));
      return steps(identityOf(row)).at(-1)?.becomes ?? row[8];
    };
  }
}

function remember<Key, Value>(known: Map<Key, Value>, key: Key, work: () => Value): Value {
  const value = known.get(key) ?? work();
  known.set(key, value);
  return value;
}
