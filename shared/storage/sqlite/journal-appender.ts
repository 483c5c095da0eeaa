// The appending side of the SQLite journal: one file a partition, one transaction an append.
//
//   append ──▶ INSERT, COMMIT (synced) ──tell──▶ readers          readers ──position──▶ DELETE with the next append
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../clock.ts';
import { FatalError } from '../../thread.ts';
import type { Journal } from '../journal.ts';
import { isDiskFailure, isDiskFull, openDatabase, transaction } from './database.ts';
import { journalPath, type Notice, openChannel } from './journal-file.ts';

/** The appending side is refused above this, so that a stuck processor cannot fill the disk. */
const JOURNAL_BYTES_MAX = 1024 ** 3;
/** Appends stop while less than the lesser of these is free, so that what is stored can still be processed. */
const FREE_SHARE_MIN = 0.05;
const FREE_BYTES_MIN = 2 * 1024 ** 3;
/** How often free space is looked at, in bytes appended. */
const FREE_CHECK_BYTES = 1024 * 1024;
/** What has been committed is deleted with the next append, or by itself after this. */
const TRIM_IDLE_MS = 1_000;

export type JournalAppender = Pick<Journal, 'append' | 'close' | 'durability'>;

/** The writing side of one partition. */
export function openJournalAppender(dataDir: string, partition: number, clock: Clock): JournalAppender {
  const path = journalPath(dataDir, partition);
  const database = openDatabase(path, { schema: 'journal.sql' });
  const insert = database.prepare('INSERT INTO entry (recorded_at, appender, seq, bytes) VALUES (?, ?, ?, ?)');
  const remove = database.prepare(
    'DELETE FROM entry WHERE position <= ? AND position < (SELECT max(position) FROM entry)',
  );
  const measure = database.prepare('SELECT total(length(bytes)) AS bytes FROM entry WHERE position > ?');
  const lastSeq = new Map<string, number>();
  for (const row of database.prepare('SELECT appender, max(seq) AS seq FROM entry GROUP BY appender').iterate()) {
    lastSeq.set(String(row['appender']), Number(row['seq']));
  }
  let recordedAtMs = Number(database.prepare('SELECT max(recorded_at) AS at FROM entry').get()?.['at'] ?? 0);
  let committed = 0;
  let trimmed = 0;
  let pendingBytes = Number(measure.get(0)?.['bytes']);
  let uncheckedBytes = FREE_CHECK_BYTES;
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

  return {
    durability: 'fsync',
    append: async (_partition, bytes, id, notBeforeMs = 0) => {
      if ((lastSeq.get(id.appender) ?? 0) >= id.seq) return;
      const freeChecked = uncheckedBytes < FREE_CHECK_BYTES || hasRoom(dirname(path));
      if (!freeChecked) throw new Error('the disk is nearly full; free some space');
      if (pendingBytes > JOURNAL_BYTES_MAX) throw new Error('the journal is full; is the processor running?');
      uncheckedBytes = uncheckedBytes < FREE_CHECK_BYTES ? uncheckedBytes + bytes.length : 0;
      recordedAtMs = Math.max(recordedAtMs, clock.nowMs(), notBeforeMs);
      const done = guard(() =>
        transaction(database, () => {
          const { lastInsertRowid } = insert.run(recordedAtMs, id.appender, id.seq, bytes);
          return { position: Number(lastInsertRowid), trimmed: trim() };
        }),
      );
      lastSeq.set(id.appender, id.seq);
      pendingBytes += bytes.length;
      trimmedTo(done.trimmed);
      channel.postMessage({ appended: done.position } satisfies Notice);
    },
    close: async () => {
      clearTimeout(trimTimer);
      channel.close();
      database.close();
    },
  };
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

function hasRoom(folder: string): boolean {
  const { bavail, blocks, bsize } = statfsSync(folder);
  return bavail * bsize >= Math.min(blocks * bsize * FREE_SHARE_MIN, FREE_BYTES_MIN);
}
