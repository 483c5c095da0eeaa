// The embedded back-end for a running service: databases are opened in threads, which may wait for the disk.
import { startThread, type Threaded } from '../../thread.ts';
import type { Storage } from '../open.ts';
import type { JournalAppender } from './journal-appender.ts';
import type { Serving } from './serving-thread.ts';

/** Brokers of one process share a partition. */
const PARTITION = 0;

export async function openEmbedded(dataDir: string, onFatal: (error: Error) => void): Promise<Storage> {
  const start = <Port extends object>(file: string, options: object): Promise<Threaded<Port>> =>
    startThread<Port>(new URL(file, import.meta.url), { dataDir, ...options }, onFatal);
  const [journal, serving] = await Promise.all([
    start<Pick<JournalAppender, 'append'>>('journal-thread.ts', { partition: PARTITION }),
    start<Serving>('serving-thread.ts', {}),
  ]);
  return {
    journal: { durability: 'fsync', partitions: 1, append: journal.append },
    floorplan: {
      append: serving.append,
      read: serving.read,
      announced: serving.announced,
      markAnnounced: serving.markAnnounced,
      // The data directory belongs to this process alone.
      follow: async () => undefined,
    },
    history: serving,
    credentials: {
      put: serving.putCredential,
      find: serving.findCredential,
      keys: serving.credentialKeys,
      newest: serving.newestCredential,
      changes: serving.credentialChanges,
    },
    processors: null,
    close: async () => {
      await Promise.all([journal.close(), serving.close()]);
    },
  };
}
