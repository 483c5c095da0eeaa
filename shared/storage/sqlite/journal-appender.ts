// The appending side of the SQLite journal: one file a partition, one transaction an append.
//
//   append ──▶ INSERT, COMMIT (synced) ──tell──▶ readers          readers ──position──▶ DELETE with the next append
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../clock.ts';
import { roomOn } from '../../disk.ts';
import { FatalError } from '../../thread.ts';
import type { Entry, EntryId, Journal } from '../journal.ts';
import { isDiskFailure, isDiskFull, openDatabase, transaction } from './database.ts';
import { journalPath, type Notice, openChannel } from './journal-file.ts';

/** The appending side is refused above this, so that a stuck processor cannot fill the disk. */
export const JOURNAL_BYTES_MAX = 1024 ** 3;
/** How often free space is looked at, in bytes appended. */
const FREE_CHECK_BYTES = 1024 * 1024;
/** What has been committed is deleted with the next append, or by itself after this. */
const TRIM_IDLE_MS = 1_000;

export type JournalAppender = Pick<Journal, 'append' | 'close' | 'durability'> & {
  /** Up to where the entries of another partition have been taken over. */
  takenOver(slot: number): number;
  /** Starts over: the partition of `slot` is a new one. */
  forget(slot: number): void;
  /** Stores entries of another partition, and that they are here, in one transaction; false: there is no room now. */
  takeOver(slot: number, entries: readonly Entry[]): boolean;
};

/** The writing side of one partition. */
export function openJournalAppender(dataDir: string, partition: number, clock: Clock): JournalAppender {
  const path = journalPath(dataDir, partition);
  const database = openDatabase(path, { schema: 'journal.sql' });
  const insert = database.prepare('INSERT INTO entry (recorded_at, appender, seq, bytes) VALUES (?, ?, ?, ?)');
  const remove = database.prepare(
    'DELETE FROM entry WHERE position <= ? AND position < (SELECT max(position) FROM entry)',
  );
  const measure = database.prepare('SELECT total(length(bytes)) AS bytes FROM entry WHERE position > ?');
  const setGathered = database.prepare('INSERT INTO gathered VALUES (?1, ?2) ON CONFLICT DO UPDATE SET position = ?2');
  const getGathered = database.prepare('SELECT position FROM gathered WHERE slot = ?');
  const lastSeq = lastSeqs(database);
  let recordedAtMs = Number(database.prepare('SELECT max(recorded_at) AS at FROM entry').get()?.['at'] ?? 0);
  let committed = 0;
  let trimmed = 0;
  let pendingBytes = Number(measure.get(0)?.['bytes']);
  let trimTimer: NodeJS.Timeout | undefined;
  const channel = openChannel(path);

  /** Call within a transaction, and `trimmedTo` after it: what is undone must be tried again. */
  const trim = () => {
    if (trimmed < committed) remove.run(committed);
    return committed;
  };
  const trimmedTo = (position: number) => {
    if (position === trimmed) return;
    trimmed = position;
    pendingBytes = Number(measure.get(position)?.['bytes']);
  };
  const trimWhenIdle = () => {
    trimTimer = undefined;
    try {
      trimmedTo(guard(() => transaction(database, trim)));
    } catch (error) {
      // On a full disk even a deletion finds no room; the next append trims too.
      if (!isDiskFull(error)) throw error;
    }
  };
  channel.onmessage = (message) => {
    const notice = (message as { data: Notice }).data;
    if (!('committed' in notice) || notice.committed <= committed) return;
    committed = notice.committed;
    trimTimer ??= setTimeout(trimWhenIdle, TRIM_IDLE_MS).unref();
  };

  const checkDisk = checkedNowAndThen(dirname(path));
  /** Throws while there is no room for `bytes` more. */
  const checkRoom = (bytes: number): void => {
    checkDisk(bytes);
    if (pendingBytes > JOURNAL_BYTES_MAX) throw new Error('the journal is full; is the processor running?');
  };
  /** Stores what `work` inserts, whose newest position it answers. */
  const store = (bytes: number, work: () => number): void => {
    const done = guard(() => transaction(database, () => ({ position: work(), trimmed: trim() })));
    pendingBytes += bytes;
    trimmedTo(done.trimmed);
    channel.postMessage({ appended: done.position } satisfies Notice);
  };
  const insertEntry = (atMs: number, id: EntryId, bytes: Uint8Array): number => {
    recordedAtMs = Math.max(recordedAtMs, atMs);
    return Number(insert.run(recordedAtMs, id.appender, id.seq, bytes).lastInsertRowid);
  };

  return {
    durability: 'fsync',
    append: async (_partition, bytes, id, notBeforeMs = 0) => {
      if ((lastSeq.get(id.appender) ?? 0) >= id.seq) return;
      checkRoom(bytes.length);
      store(bytes.length, () => insertEntry(Math.max(clock.nowMs(), notBeforeMs), id, bytes));
      lastSeq.set(id.appender, id.seq);
    },
    takenOver: (slot) => Number(getGathered.get(slot)?.['position'] ?? 0),
    forget: (slot) => guard(() => setGathered.run(slot, 0)),
    takeOver: (slot, entries) => {
      const bytes = entries.reduce((sum, entry) => sum + entry.bytes.length, 0);
      try {
        checkRoom(bytes);
        store(bytes, () => {
          const positions = entries.map((entry) => insertEntry(entry.recordedAtMs, entry.id, entry.bytes));
          setGathered.run(slot, entries.at(-1)?.position ?? 0);
          return positions.at(-1) ?? 0;
        });
        return true;
      } catch (error) {
        if (error instanceof FatalError) throw error;
        return false;
      }
    },
    close: async () => {
      clearTimeout(trimTimer);
      channel.close();
      database.close();
    },
  };
}

/** Of each appender that has entries. */
function lastSeqs(database: DatabaseSync): Map<string, number> {
  const rows = database.prepare('SELECT appender, max(seq) AS seq FROM entry GROUP BY appender').all();
  return new Map(rows.map((row) => [String(row['appender']), Number(row['seq'])]));
}

function guard<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!isDiskFailure(error)) throw error;
    throw new FatalError(`the journal's disk failed: ${(error as Error).message}; check the disk, then start again`, {
      cause: error,
    });
  }
}

/** Throws while the disk of `folder` is nearly full, which is looked at each time after so many bytes. */
function checkedNowAndThen(folder: string): (bytes: number) => void {
  let uncheckedBytes = FREE_CHECK_BYTES;
  return (bytes) => {
    if (uncheckedBytes >= FREE_CHECK_BYTES) {
      const { freeBytes, neededBytes } = roomOn(folder);
      if (freeBytes < neededBytes) throw new Error('the disk is nearly full; free some space');
      uncheckedBytes = 0;
    }
    uncheckedBytes += bytes;
  };
}
