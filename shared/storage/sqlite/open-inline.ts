// The embedded back-end in the calling thread, recording by a clock of the caller's: for copying into it.
import type { Clock } from '../../clock.ts';
import type { CopyTarget } from '../open.ts';
import { openFloorplan } from './floorplan.ts';
import { openHistoryReader } from './history-reader.ts';
import { openJournalAppender } from './journal-appender.ts';
import { openGatherer } from './journal-gatherer.ts';

export async function openEmbeddedInline(dataDir: string, clock: Clock): Promise<CopyTarget> {
  const journal = openJournalAppender(dataDir, 0, clock);
  // What broker workers of a service that ended early have left behind.
  const gatherer = openGatherer(dataDir, 0, journal);
  await gatherer.gathered();
  gatherer.close();
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
