// Opening a SQLite database so that a commit is durable, and telling apart what its errors ask for.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { stepFrom } from './upgrade.ts';

/** Raised with every change of a schema that an older build could not read; a database of a newer version is refused. */
const SCHEMA_VERSION = {
  'journal.sql': 1,
  'history.sql': 6,
  'floorplan.sql': 1,
  'fleet.sql': 1,
} as const satisfies Record<OpenOptions['schema'], number>;

/** Tables that came after the first version of a schema; made when missing, whenever such a database is opened. */
const ADDED: { readonly [Schema in OpenOptions['schema']]?: string } = {
  'history.sql': 'history-added.sql',
  'journal.sql': 'journal-added.sql',
};

/**
 * Pages (4 KiB) in a log before they are written into the database itself. Of the history they lie all over it when events
 * come late, and one that is changed again before then is written once: with a quarter of these a late event takes twice as long.
 */
const WAL_PAGES = {
  'journal.sql': 4_000,
  'history.sql': 16_000,
  'floorplan.sql': 4_000,
  'fleet.sql': 4_000,
} as const satisfies Record<OpenOptions['schema'], number>;

/** Waiting for another connection's lock; commits are short, so longer means something is stuck. */
const BUSY_TIMEOUT_MS = 10_000;
/** Between tries where SQLite does not wait by itself. */
const WAL_RETRY_MS = 5;

export type OpenOptions = {
  /** The `.sql` file beside this one with the tables. */
  readonly schema: 'journal.sql' | 'history.sql' | 'floorplan.sql' | 'fleet.sql';
  /** Page cache, KiB. */
  readonly cacheKib?: number;
};

/** Opens (creating it durably, folder included) the database at `path` for writing. */
export function openDatabase(path: string, options: OpenOptions): DatabaseSync {
  const folder = dirname(resolve(path));
  const isNew = !existsSync(path);
  if (isNew) createFolder(folder);
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    makeReady(database, options);
  } catch (error) {
    database.close();
    throw new Error(`${path} cannot be opened: ${(error as Error).message}`, { cause: error });
  }
  if (isNew) syncFolder(folder);
  return database;
}

function makeReady(database: DatabaseSync, { schema, cacheKib = 2048 }: OpenOptions): void {
  enterWal(database);
  // FULL: WAL alone would default to syncing at checkpoints only, and lose the newest commits with the power.
  database.exec(`PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${WAL_PAGES[schema]}`);
  database.exec(`PRAGMA cache_size = -${cacheKib}; PRAGMA temp_store = MEMORY`);
  if (userVersion(database) === 0) createSchema(database, schema);
  if (schema === 'history.sql') upgrade(database);
  addTables(database, schema);
  const version = userVersion(database);
  if (version !== SCHEMA_VERSION[schema]) {
    throw new Error(`it has schema version ${version}; this build of footfall reads ${SCHEMA_VERSION[schema]}`);
  }
  // Empties the log: after a failed sync its tail may be in memory only, and no commit may be chained to such a tail.
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
}

/** Of several threads that open a new database at once SQLite refuses all but one, without waiting: they ask again. */
function enterWal(database: DatabaseSync): void {
  for (let waitedMs = 0; ; waitedMs += WAL_RETRY_MS) {
    try {
      database.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (!isBusy(error) || waitedMs >= BUSY_TIMEOUT_MS) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAL_RETRY_MS);
    }
  }
}

/**
 * Opens a database for reading beside its writer. It is opened for writing first: a start that ended early may have
 * left it without tables, or with a log whose tail is in memory only, which must be on disk before anybody acts on it.
 */
export function openForReading(path: string, { schema, cacheKib = 2048 }: OpenOptions): DatabaseSync {
  openDatabase(path, { schema }).close();
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true });
  database.exec(`PRAGMA cache_size = -${cacheKib}; PRAGMA temp_store = MEMORY`);
  return database;
}

/** Runs `work` in a transaction of its own; nothing of it stays when it throws. */
export function transaction<Result>(database: DatabaseSync, work: () => Result): Result {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Runs `work` on one unchanging state of the database. */
export function snapshot<Result>(database: DatabaseSync, work: () => Result): Result {
  database.exec('BEGIN');
  try {
    return work();
  } finally {
    database.exec('COMMIT');
  }
}

/** SQLite's primary result codes, https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_IOERR = 10;
const SQLITE_FULL = 13;

function resultCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}

/** Another connection has it, and had it all the time that was waited. */
export function isBusy(error: unknown): boolean {
  return resultCode(error) === SQLITE_BUSY;
}

/** No room on the disk: nothing was stored, and it may work again later. */
export function isDiskFull(error: unknown): boolean {
  return resultCode(error) === SQLITE_FULL;
}

/** The disk failed: what was written may or may not be there, so only a fresh start, which reads it again, can go on. */
export function isDiskFailure(error: unknown): boolean {
  return resultCode(error) === SQLITE_IOERR || resultCode(error) === SQLITE_CORRUPT;
}

function userVersion(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
}

/** Several threads that open an old database help one another, or wait for as long as one of them takes. */
function upgrade(database: DatabaseSync): void {
  while (userVersion(database) < SCHEMA_VERSION['history.sql']) {
    try {
      transaction(database, () => {
        const version = userVersion(database);
        if (version === SCHEMA_VERSION['history.sql']) return;
        addTables(database, 'history.sql');
        database.exec(`PRAGMA user_version = ${stepFrom(database, version)}`);
      });
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
  }
}

function addTables(database: DatabaseSync, schema: OpenOptions['schema']): void {
  const added = ADDED[schema];
  if (added !== undefined) database.exec(readFileSync(new URL(added, import.meta.url), 'utf8'));
}

function createSchema(database: DatabaseSync, schema: OpenOptions['schema']): void {
  const sql = readFileSync(new URL(schema, import.meta.url), 'utf8');
  transaction(database, () => {
    // Another thread may have been first.
    if (userVersion(database) === 0) database.exec(`${sql};PRAGMA user_version = ${SCHEMA_VERSION[schema]}`);
  });
}

/** Makes the folder and every missing one above it, each entered durably in its parent. */
function createFolder(folder: string): void {
  if (existsSync(folder)) return;
  createFolder(dirname(folder));
  mkdirSync(folder, { recursive: true });
  syncFolder(dirname(folder));
}

function syncFolder(folder: string): void {
  // Windows cannot open a folder, and enters files durably without being asked.
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
