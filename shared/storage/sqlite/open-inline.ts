// The embedded back-end in the calling thread, recording by a clock of the caller's: for copying into it.
import type { Clock } from '../../clock.ts';
import type { CopyTarget } from '../open.ts';
import { openFloorplan } from './floorplan.ts';
import { openHistoryReader } from './history-reader.ts';
import { openJournalAppender } from './journal-appender.ts';

export function openEmbeddedInline(dataDir: string, clock: Clock): CopyTarget {
  const journal = openJournalAppender(dataDir, 0, clock);
  const floorplan = openFloorplan(dataDir, clock);
  const history = openHistoryReader(dataDir);
  return {
    journal: { append: journal.append, partitions: 1 },
    floorplan,
    history,
    processors: null,
    close: async () => {
      await journal.close();
      await floorplan.close();
      await history.close();
    },
  };
}
