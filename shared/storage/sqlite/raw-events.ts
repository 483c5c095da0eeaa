// Raw events as rows: storing each identity once, and finding those of one DPU again.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { EventHours } from './event-hours.ts';
import { type EventRow, type Identity, SECOND_MS, SECONDS_PER_HOUR, timestampOf } from './event-row.ts';
import type { HourEvent } from './hour-packing.ts';
import { HOUR_MS } from './minutes.ts';

/** Rows in one INSERT; above about 200 a longer statement gains nothing. */
const ROWS_PER_INSERT = 200;
/** Rows are read together from so many seconds: a statement for each hour would cost more than the events of a quiet DPU. */
const SECONDS_PER_READ = 250;
/** Hours looked at together: who wants few events need not wait for those of all years. */
const HOURS_PER_READ = 168;
/** SQLITE_CONSTRAINT_PRIMARYKEY, https://www.sqlite.org/rescode.html */
const DUPLICATE_KEY = 1555;

export class RawEvents {
  readonly #insertMany: StatementSync;
  readonly #insertOne: StatementSync;
  readonly #addArrival: StatementSync;
  readonly #hours: EventHours;
  readonly #ofDpu: StatementSync;
  readonly #recordedAfter: StatementSync;

  constructor(database: DatabaseSync) {
    const row = '(?, ?, ?, ?, ?, ?, ?, ?, ?)';
    const rows = new Array(ROWS_PER_INSERT).fill(row).join();
    this.#insertMany = database.prepare(`INSERT INTO event VALUES ${rows}`);
    this.#insertOne = database.prepare(`INSERT OR IGNORE INTO event VALUES ${row}`);
    this.#addArrival = database.prepare('INSERT OR IGNORE INTO arrival (recorded_hour, hour) VALUES (?, ?)');
    this.#hours = new EventHours(database);
    // In the order of the array, and of the key within each second: the join is a loop over seeks.
    this.#ofDpu = database.prepare(
      'SELECT event.* FROM json_each(?) AS wanted CROSS JOIN event ON second = wanted.value WHERE dpu = ?',
    );
    this.#ofDpu.setReturnArrays(true);
    this.#recordedAfter = database.prepare(
      `SELECT recorded_after_ms FROM event
       WHERE second = ? AND dpu = ? AND ms = ? AND direction = ? AND epoch = ? AND seq = ?`,
    );
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
    let seconds = new Set<number>();
    for (const events of this.#hoursOf(dpu.number, firstHour, lastHour)) {
      for (const { atMs } of events) if (atMs >= fromMs && atMs < untilMs) seconds.add(Math.floor(atMs / SECOND_MS));
      if (seconds.size < SECONDS_PER_READ) continue;
      yield* this.#read(dpu.number, seconds, fromMs, untilMs);
      seconds = new Set();
    }
    yield* this.#read(dpu.number, seconds, fromMs, untilMs);
  }

  *#hoursOf(dpu: number, firstHour: number, lastHour: number): Generator<HourEvent[]> {
    for (let hour = firstHour; hour <= lastHour; hour += HOURS_PER_READ) {
      const last = Math.min(hour + HOURS_PER_READ - 1, lastHour);
      for (const [, events] of this.#hours.ofDpu(dpu, hour, last)) yield events;
    }
  }

  /** How long after its timestamp an event that is stored was recorded, ms. */
  recordedAfterMs(dpu: number, { atMs, direction, epoch, seq }: Identity): number {
    const second = Math.floor(atMs / SECOND_MS);
    const row = this.#recordedAfter.get(second, dpu, atMs - second * SECOND_MS, direction, epoch, seq);
    return Number(row?.['recorded_after_ms']);
  }

  #read(dpu: number, seconds: ReadonlySet<number>, fromMs: number, untilMs: number): EventRow[] {
    const rows = this.#ofDpu.all(JSON.stringify([...seconds]), dpu) as unknown as EventRow[];
    return rows.filter((row) => timestampOf(row) >= fromMs && timestampOf(row) < untilMs);
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
    this.#hours.add(rows);
    const arrivals = new Set<string>();
    for (const row of rows) {
      arrivals.add(`${Math.floor((timestampOf(row) + row[6]) / HOUR_MS)} ${Math.floor(row[0] / SECONDS_PER_HOUR)}`);
    }
    for (const arrival of arrivals) this.#addArrival.run(...arrival.split(' ').map(Number));
  }
}
