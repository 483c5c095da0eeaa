// From older versions of the history's schema to the newest, step by step, each in a transaction of its own.
//
//   1  a row for each difference        ─▶  differences packed by hour
//   2  of a DPU's events only the seconds  ─▶  its events packed by hour, hours at a time
//   3  differences by hour, then DPU    ─▶  (the number alone, so that no older build goes on with a store that is half done)
//   4  the same, some moved             ─▶  differences by DPU, then hour
//   5  late events among the others     ─▶  new ones apart (the number alone: an older build would not find them)
import type { DatabaseSync } from 'node:sqlite';
import { MappingTable } from './deltas.ts';
import { packEvents } from './difference-packing.ts';
import { type DifferenceRow, Differences } from './differences.ts';
import { EventHours } from './event-hours.ts';
import { type EventRow, identityOf, SECONDS_PER_HOUR, timestampOf } from './event-row.ts';
import { Shifts, ShiftWriter } from './late-ledger.ts';
import type { Effect } from './names.ts';

/** Events packed in one transaction: a second or less, for which other threads that open the store wait. */
const EVENTS_PER_STEP = 100_000;
/** Rows of differences moved in one transaction, and those of the same hour as the last one: as long. */
const ROWS_PER_STEP = 100_000;

/** By version; true: it has come to the next one. */
const STEPS: Readonly<Record<number, (database: DatabaseSync) => boolean>> = {
  1: packDifferences,
  2: packSomeEvents,
  3: () => true,
  4: moveSomeDifferences,
  5: () => true,
};

/** Takes one step from `version`; answers the version it has come to. Call within one transaction. */
export function stepFrom(database: DatabaseSync, version: number): number {
  return STEPS[version]?.(database) ? version + 1 : version;
}

/** The rows of `difference` become `dpu_difference` and `shift_day`. */
function packDifferences(database: DatabaseSync): boolean {
  const effects = new MappingTable(database).effects();
  const [differences, writer] = [new Differences(database), new ShiftWriter(database)];
  const hours = database.prepare(`SELECT DISTINCT second / ${SECONDS_PER_HOUR} AS hour FROM difference ORDER BY hour`);
  const ofHour = database.prepare('SELECT * FROM difference WHERE second >= ? AND second < ? ORDER BY second, cause');
  for (const { hour } of hours.all()) {
    const shifts = new Shifts();
    const rows: DifferenceRow[] = [];
    for (const row of ofHour.all(Number(hour) * SECONDS_PER_HOUR, (Number(hour) + 1) * SECONDS_PER_HOUR)) {
      const number = (column: string) => Number(row[column]);
      const key = ['second', 'dpu', 'ms', 'direction', 'epoch', 'seq'].map(number) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      const event: EventRow = [...key, 0, 0, number('was')];
      const [was, becomes, recordedAtMs] = [number('was'), number('becomes'), number('recorded_at')];
      const place = [number('dpu'), Number(hour), number('cause'), was, becomes, recordedAtMs] as const;
      rows.push([...place, packEvents([identityOf(event)])]);
      shifts.add(timestampOf(event), -event[3], effects[was] as Effect, recordedAtMs);
      shifts.add(timestampOf(event), event[3], effects[becomes] as Effect, recordedAtMs);
    }
    differences.add(rows);
    writer.write(shifts);
  }
  database.exec('DROP TABLE difference');
  return true;
}

/** Fills `event_hour` and `event_hour_late` from where they end, as they were made for this; true when all events are in it. */
function packSomeEvents(database: DatabaseSync): boolean {
  // Gone first, so that no older build goes on with a store that is half done.
  database.exec('DROP TABLE IF EXISTS dpu_hour');
  const hours = new EventHours(database);
  const lastOf = (table: string) => `coalesce((SELECT max(hour) FROM ${table}), -1)`;
  const last = `SELECT max(${lastOf('event_hour')}, ${lastOf('event_hour_late')}) AS hour`;
  const next = database.prepare(`SELECT min(second) / ${SECONDS_PER_HOUR} AS hour FROM event WHERE second >= ?`);
  const ofHour = database.prepare('SELECT * FROM event WHERE second >= ? AND second < ?');
  ofHour.setReturnArrays(true);
  let fromHour = Number(database.prepare(last).get()?.['hour']) + 1;
  for (let events = 0; events < EVENTS_PER_STEP; ) {
    const hour = next.get(fromHour * SECONDS_PER_HOUR)?.['hour'];
    if (hour === null || hour === undefined) return true;
    fromHour = Number(hour) + 1;
    const rows = ofHour.all(Number(hour) * SECONDS_PER_HOUR, fromHour * SECONDS_PER_HOUR) as unknown as EventRow[];
    hours.add(rows);
    events += rows.length;
  }
  return false;
}

/** Hours of `difference_hour` become rows of `dpu_difference` and `difference_day`; true when none is left. */
function moveSomeDifferences(database: DatabaseSync): boolean {
  const table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'difference_hour'";
  if (database.prepare(table).get() === undefined) return true;
  const next = `SELECT hour FROM difference_hour ORDER BY hour LIMIT 1 OFFSET ${ROWS_PER_STEP}`;
  const hour = database.prepare(next).get()?.['hour'];
  const some = hour === undefined ? 'true' : `hour <= ${hour}`;
  database.exec(
    `INSERT OR IGNORE INTO difference_day SELECT DISTINCT hour / 24, dpu, was, becomes FROM difference_hour WHERE ${some};
     INSERT INTO dpu_difference SELECT dpu, hour, cause, was, becomes, recorded_at, events FROM difference_hour WHERE ${some}
       ORDER BY dpu, hour;
     DELETE FROM difference_hour WHERE ${some}`,
  );
  if (hour !== undefined) return false;
  database.exec('DROP TABLE difference_hour');
  return true;
}
