// The floor plan store on SQLite.
import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import type { Change, Fact } from '../../fact.ts';
import { FatalError } from '../../thread.ts';
import { FLOORPLAN_CONFLICT, FLOORPLAN_FULL, type FloorplanStore } from '../floorplan.ts';
import { isDiskFailure, isDiskFull, openDatabase, transaction } from './database.ts';

const READ_LIMIT = 10_000;

/** The file below the data directory. */
export function floorplanPath(dataDir: string): string {
  return join(dataDir, 'floorplan.sqlite');
}

export function openFloorplan(dataDir: string, clock: Clock): FloorplanStore {
  const database = openDatabase(floorplanPath(dataDir), { schema: 'floorplan.sql' });
  const insert = database.prepare('INSERT INTO fact (number, recorded_at, recorded_by, change) VALUES (?, ?, ?, ?)');
  const newest = database.prepare('SELECT number, recorded_at FROM fact ORDER BY number DESC LIMIT 1');
  const select = database.prepare(
    'SELECT number, recorded_at, recorded_by, change FROM fact WHERE number > ? ORDER BY number LIMIT ?',
  );
  const announce = database.prepare('UPDATE outbox SET announced = max(announced, ?)');
  const announced = database.prepare('SELECT announced FROM outbox');

  const append = (changes: readonly Change[], expected: number, by: string | null): Fact[] => {
    const last = newest.get();
    const number = Number(last?.['number'] ?? 0);
    if (number !== expected) throw new Error(FLOORPLAN_CONFLICT);
    const recordedAtMs = Math.max(clock.nowMs(), Number(last?.['recorded_at'] ?? 0));
    return changes.map((change, index) => {
      insert.run(number + 1 + index, recordedAtMs, by, JSON.stringify(change));
      return { number: number + 1 + index, recordedAtMs, by, change };
    });
  };

  return {
    append: async (changes, expected, by) => {
      try {
        return transaction(database, () => append(changes, expected, by));
      } catch (error) {
        if (isDiskFailure(error)) throw new FatalError(`the floor plan's disk failed: ${(error as Error).message}`);
        throw isDiskFull(error) ? new Error(FLOORPLAN_FULL, { cause: error }) : error;
      }
    },
    read: async (after, limit = READ_LIMIT) =>
      select.all(after, limit).map((row) => ({
        number: Number(row['number']),
        recordedAtMs: Number(row['recorded_at']),
        by: row['recorded_by'] === null ? null : String(row['recorded_by']),
        change: JSON.parse(String(row['change'])) as Change,
      })),
    announced: async () => Number(announced.get()?.['announced']),
    markAnnounced: async (number) => {
      announce.run(number);
    },
    follow: async () => undefined,
    close: async () => database.close(),
  };
}
