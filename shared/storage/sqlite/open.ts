// The embedded back-end for a running service: every database in a thread of its own.
import { startThread, type Threaded } from '../../thread.ts';
import type { FloorplanStore } from '../floorplan.ts';
import type { HistoryReader } from '../history.ts';
import type { LiveReader } from '../live.ts';
import type { Storage } from '../open.ts';
import type { QuarantineReader } from '../quarantine.ts';
import type { JournalAppender } from './journal-appender.ts';

/** Brokers of one process share a partition. */
const PARTITION = 0;

export async function openEmbedded(dataDir: string, onFatal: (error: Error) => void): Promise<Storage> {
  const start = <Port extends object>(file: string, options: object): Promise<Threaded<Port>> =>
    startThread<Port>(new URL(file, import.meta.url), { dataDir, ...options }, onFatal);
  const [journal, floorplan, history] = await Promise.all([
    start<Pick<JournalAppender, 'append'>>('journal-thread.ts', { partition: PARTITION }),
    start<FloorplanStore>('floorplan-thread.ts', {}),
    start<HistoryReader & LiveReader & QuarantineReader>('history-reader-thread.ts', {}),
  ]);
  return {
    journal: { durability: 'fsync', append: journal.append },
    floorplan,
    history,
    close: async () => {
      await Promise.all([journal.close(), floorplan.close(), history.close()]);
    },
  };
}
