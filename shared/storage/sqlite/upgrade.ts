// From version 1 of the history's schema, which had a row for each difference, to version 2.
import type { DatabaseSync } from 'node:sqlite';
import { MappingTable } from './deltas.ts';
import { Differences, packEvents } from './differences.ts';
import { Shifts, ShiftWriter } from './late-ledger.ts';
import type { Effect } from './names.ts';
import { type EventRow, SECONDS_PER_HOUR, timestampOf } from './raw-events.ts';

/** The rows of `difference` become `difference_hour` and `shift_day`. Call within one transaction. */
export function packDifferences(database: DatabaseSync): void {
  const effects = new MappingTable(database).effects();
  const [differences, writer] = [new Differences(database), new ShiftWriter(database)];
  const hours = database.prepare(`SELECT DISTINCT second / ${SECONDS_PER_HOUR} AS hour FROM difference ORDER BY hour`);
  const ofHour = database.prepare('SELECT * FROM difference WHERE second >= ? AND second < ? ORDER BY second, cause');
  for (const { hour } of hours.all()) {
    const shifts = new Shifts();
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
      const place = [Number(hour), number('dpu'), number('cause'), was, becomes, recordedAtMs] as const;
      differences.add([...place, packEvents([event])]);
      shifts.add(timestampOf(event), event[3], effects[was] as Effect, -1, recordedAtMs);
      shifts.add(timestampOf(event), event[3], effects[becomes] as Effect, 1, recordedAtMs);
    }
    writer.write(shifts);
  }
  database.exec('DROP TABLE difference');
}
