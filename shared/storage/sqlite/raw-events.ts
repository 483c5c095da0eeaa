// Raw events as rows: storing each identity once, and finding those of one DPU again.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { MappedEvent } from '../history.ts';
import { HOUR_MS } from './minutes.ts';
import type { Names } from './names.ts';

export const SECOND_MS = 1000;
export const SECONDS_PER_HOUR = 3600;
/** Epoch and seq of an event that has none. */
export const ABSENT = -1;
/** Rows in one INSERT; above about 200 a longer statement gains nothing. */
const ROWS_PER_INSERT = 200;
/** Hours are read together until they have so many seconds: a statement each would cost more than the events of a quiet DPU. */
const SECONDS_PER_READ = 250;
/** SQLITE_CONSTRAINT_PRIMARYKEY, https://www.sqlite.org/rescode.html */
const DUPLICATE_KEY = 1555;

/** A row of `event`, in the order of its columns. */
export type EventRow = readonly [
  second: number,
  dpu: number,
  ms: number,
  direction: number,
  epoch: number,
  seq: number,
  recordedAfterMs: number,
  receivedBeforeMs: number,
  mapping: number,
];

/** When the row's event happened, ms since 1970 UTC. */
export function timestampOf(row: EventRow): number {
  return row[0] * SECOND_MS + row[2];
}

/** Rows for `events` in key order, each identity once, the others as `repeats`; gives numbers to DPUs and mappings that have none. */
export function rowsOf(events: readonly MappedEvent[], names: Names): { rows: EventRow[]; repeats: EventRow[] } {
  const rows = events.map((event): EventRow => {
    const second = Math.floor(event.timestampMs / SECOND_MS);
    return [
      second,
      names.dpu(event.dpuId, Math.floor(event.timestampMs / HOUR_MS)),
      event.timestampMs - second * SECOND_MS,
      event.direction,
      event.epoch ?? ABSENT,
      event.seq ?? ABSENT,
      event.recordedAtMs - event.timestampMs,
      event.recordedAtMs - event.receivedAtMs,
      names.mapping(event.mapping),
    ];
  });
  rows.sort(compareKeys);
  const repeats: EventRow[] = [];
  const unique = rows.filter((row, index) => {
    const isFirst = index === 0 || compareKeys(rows[index - 1] as EventRow, row) !== 0;
    if (!isFirst) repeats.push(row);
    return isFirst;
  });
  return { rows: unique, repeats };
}

function compareKeys(one: EventRow, other: EventRow): number {
  return (
    one[0] - other[0] ||
    one[1] - other[1] ||
    one[2] - other[2] ||
    one[3] - other[3] ||
    one[4] - other[4] ||
    one[5] - other[5]
  );
}

export class RawEvents {
  readonly #insertMany: StatementSync;
  readonly #insertOne: StatementSync;
  readonly #addSeconds: StatementSync;
  readonly #addArrival: StatementSync;
  readonly #hoursOfDpu: StatementSync;
  readonly #ofDpu: StatementSync;

  constructor(database: DatabaseSync) {
    const row = '(?, ?, ?, ?, ?, ?, ?, ?, ?)';
    const rows = new Array(ROWS_PER_INSERT).fill(row).join();
    this.#insertMany = database.prepare(`INSERT INTO event VALUES ${rows}`);
    this.#insertOne = database.prepare(`INSERT OR IGNORE INTO event VALUES ${row}`);
    this.#addSeconds = database.prepare(
      `INSERT INTO dpu_hour (hour, dpu, seconds) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET seconds = CAST(seconds || excluded.seconds AS BLOB)`,
    );
    this.#addArrival = database.prepare('INSERT OR IGNORE INTO arrival (recorded_hour, hour) VALUES (?, ?)');
    // A sum of seeks: the hours are few, and the key begins with them.
    this.#hoursOfDpu = database.prepare(
      `WITH RECURSIVE hours (hour) AS (SELECT ?1 UNION ALL SELECT hour + 1 FROM hours WHERE hour < ?2)
       SELECT hour, seconds FROM hours CROSS JOIN dpu_hour USING (hour) WHERE dpu = ?3`,
    );
    // In the order of the array, and of the key within each second: the join is a loop over seeks.
    this.#ofDpu = database.prepare(
      'SELECT event.* FROM json_each(?) AS wanted CROSS JOIN event ON second = wanted.value WHERE dpu = ?',
    );
    this.#ofDpu.setReturnArrays(true);
  }

  /** Stores rows in key order, each identity once; answers those that were new. */
  insert(rows: readonly EventRow[]): EventRow[] {
    const fresh: EventRow[] = [];
    for (let at = 0; at < rows.length; at += ROWS_PER_INSERT) {
      const chunk = rows.slice(at, at + ROWS_PER_INSERT);
      if (chunk.length === ROWS_PER_INSERT && this.#insertChunk(chunk)) fresh.push(...chunk);
      else fresh.push(...chunk.filter((row) => this.#insertOne.run(...row).changes === 1));
    }
    this.#indexRows(fresh);
    return fresh;
  }

  /** In the order of their keys: the rows of one DPU with timestamps in [fromMs, untilMs), looked for in the hours from `firstHour` to `lastHour`. */
  *ofDpu(
    dpu: { number: number; firstHour: number; lastHour: number },
    fromMs: number,
    untilMs: number,
  ): Generator<EventRow> {
    const firstHour = Math.max(dpu.firstHour, Math.floor(fromMs / HOUR_MS));
    const lastHour = Math.min(dpu.lastHour, Math.floor((untilMs - 1) / HOUR_MS));
    if (firstHour > lastHour) return;
    for (const [, rows] of this.hoursOfDpu(dpu.number, firstHour, lastHour)) {
      for (const row of rows) {
        const timestampMs = timestampOf(row);
        if (timestampMs >= fromMs && timestampMs < untilMs) yield row;
      }
    }
  }

  /** The hours from `firstHour` to `lastHour` in which the DPU has events, in order, with its rows. */
  *hoursOfDpu(dpu: number, firstHour: number, lastHour: number): Generator<[hour: number, rows: EventRow[]]> {
    const hours = this.#hoursOfDpu.all(firstHour, lastHour, dpu);
    for (let at = 0; at < hours.length; ) {
      const wanted: number[] = [];
      const rowsOf = new Map<number, EventRow[]>();
      for (; at < hours.length && wanted.length < SECONDS_PER_READ; at++) {
        const hour = Number(hours[at]?.['hour']);
        rowsOf.set(hour, []);
        wanted.push(...unpackSeconds(hour, hours[at]?.['seconds'] as Uint8Array));
      }
      for (const row of this.#ofDpu.all(JSON.stringify(wanted), dpu) as unknown as EventRow[]) {
        rowsOf.get(Math.floor(row[0] / SECONDS_PER_HOUR))?.push(row);
      }
      yield* rowsOf;
    }
  }

  /** False, with nothing stored, when one of the rows is there already. */
  #insertChunk(chunk: readonly EventRow[]): boolean {
    try {
      this.#insertMany.run(...chunk.flat());
      return true;
    } catch (error) {
      if ((error as { errcode?: number }).errcode === DUPLICATE_KEY) return false;
      throw error;
    }
  }

  #indexRows(rows: readonly EventRow[]): void {
    const seconds = new Map<number, Map<number, number[]>>();
    const arrivals = new Set<string>();
    for (const row of rows) {
      const hour = Math.floor(row[0] / SECONDS_PER_HOUR);
      const ofHour = seconds.get(hour) ?? new Map<number, number[]>();
      const ofDpu = ofHour.get(row[1]) ?? [];
      seconds.set(hour, ofHour.set(row[1], ofDpu));
      const second = row[0] % SECONDS_PER_HOUR;
      if (ofDpu.at(-1) !== second) ofDpu.push(second);
      arrivals.add(`${Math.floor((timestampOf(row) + row[6]) / HOUR_MS)} ${hour}`);
    }
    for (const [hour, ofHour] of seconds) {
      for (const [dpu, list] of [...ofHour].sort(([one], [other]) => one - other)) {
        this.#addSeconds.run(hour, dpu, packSeconds(list));
      }
    }
    for (const arrival of arrivals) this.#addArrival.run(...arrival.split(' ').map(Number));
  }
}

/** The seconds within the hour as they stand in `dpu_hour`. */
export function packSeconds(seconds: readonly number[]): Uint8Array {
  const packed = new Uint8Array(seconds.length * 2);
  for (const [index, second] of seconds.entries()) {
    packed[index * 2] = second >> 8;
    packed[index * 2 + 1] = second & 0xff;
  }
  return packed;
}

/** The seconds since 1970 in a row of `dpu_hour`, in order, each once. */
export function unpackSeconds(hour: number, packed: Uint8Array): number[] {
  const seconds = new Set<number>();
  for (let at = 0; at < packed.length; at += 2) {
    seconds.add(hour * SECONDS_PER_HOUR + ((packed[at] as number) << 8) + (packed[at + 1] as number));
  }
  return [...seconds].sort((one, other) => one - other);
}
