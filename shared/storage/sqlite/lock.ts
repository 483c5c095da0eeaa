// One service per data directory: a lock that the kernel releases with the process, however it ends.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isBusy } from './database.ts';

/** Another process holds the data directory. */
export class DataDirLocked extends Error {}

/** A lock lives as long as its connection, which must not be collected as garbage. */
const held = new Set<DatabaseSync>();

/** Waits up to `waitMs` for the directory to be free; throws DataDirLocked. Answers what releases it. */
export function lockDataDir(dataDir: string, waitMs: number): () => void {
  mkdirSync(dataDir, { recursive: true });
  const database = new DatabaseSync(join(dataDir, 'lock.sqlite'), { timeout: waitMs });
  try {
    // Rollback journal, not WAL: there BEGIN EXCLUSIVE takes a lock that excludes every other connection.
    database.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    throw new DataDirLocked(
      `${dataDir} is in use by another footfall; stop that one, or choose another FOOTFALL_DATA_DIR`,
      { cause: error },
    );
  }
  held.add(database);
  return () => {
    held.delete(database);
    database.close();
  };
}
