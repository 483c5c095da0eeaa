// The reading side of the SQLite journal: the one processor of an embedded service reads all partitions.
import type { Entry, Journal, JournalLag, Ownership } from '../journal.ts';
import { openForReading } from './database.ts';
import { JOURNAL_BYTES_MAX } from './journal-appender.ts';
import { entryOf, journalPath, type Notice, openChannel } from './journal-file.ts';

export type JournalReader = Pick<Journal, 'own' | 'read' | 'commit' | 'lag' | 'close'>;

/** The reading side of all partitions, for the one processor of an embedded service. */
export function openJournalReader(dataDir: string, partitions: number): JournalReader {
  const closed = new AbortController();
  const readers = Array.from({ length: partitions }, (_, partition) => openPartition(journalPath(dataDir, partition)));
  const of = (ownership: Ownership) => readers[ownership.partition] as PartitionReader;
  return {
    own: async (_group, onOwned) => {
      for (const partition of readers.keys()) onOwned({ partition, epoch: 1, lost: closed.signal });
    },
    read: async (ownership, after, { maxBytes }) => {
      const reader = of(ownership);
      for (;;) {
        const entries = closed.signal.aborted ? [] : reader.next(after, maxBytes);
        if (entries.length > 0 || closed.signal.aborted) return entries;
        await reader.appended();
      }
    },
    commit: async (ownership, position) => of(ownership).commit(position),
    lag: async (partition, after) => (readers[partition] as PartitionReader).lag(after),
    close: async () => {
      closed.abort();
      for (const reader of readers) reader.close();
    },
  };
}

type PartitionReader = {
  next(after: number, maxBytes: number): Entry[];
  appended(): Promise<void>;
  commit(position: number): void;
  lag(after: number): JournalLag;
  close(): void;
};

function openPartition(path: string): PartitionReader {
  const database = openForReading(path, { schema: 'journal.sql' });
  const select = database.prepare(
    'SELECT position, recorded_at, appender, seq, bytes FROM entry WHERE position > ? ORDER BY position',
  );
  const measure = database.prepare(
    `SELECT (SELECT coalesce(max(position), 0) FROM entry) AS newest, count(*) AS entries, coalesce(sum(length(bytes)), 0) AS bytes,
            (SELECT recorded_at FROM entry WHERE position > ?1 ORDER BY position LIMIT 1) AS oldestMs
     FROM entry WHERE position > ?1`,
  );
  const channel = openChannel(path);
  let wake: (() => void) | undefined;
  channel.onmessage = (message) => {
    if ('appended' in (message as { data: Notice }).data) wake?.();
  };
  return {
    next: (after, maxBytes) => {
      const entries: Entry[] = [];
      let bytes = 0;
      for (const row of select.iterate(after)) {
        const entry = entryOf(row);
        bytes += entry.bytes.length;
        if (entries.length > 0 && bytes > maxBytes) break;
        entries.push(entry);
      }
      return entries;
    },
    // A notice sent after `next` looked is delivered in a later turn, when `wake` is set: none can be missed.
    appended: () => new Promise((resolve) => (wake = resolve)),
    lag: (after) => ({ ...(measure.get(after) as Omit<JournalLag, 'bytesMax'>), bytesMax: JOURNAL_BYTES_MAX }),
    commit: (position) => channel.postMessage({ committed: position } satisfies Notice),
    close: () => {
      channel.close();
      database.close();
      wake?.();
    },
  };
}
