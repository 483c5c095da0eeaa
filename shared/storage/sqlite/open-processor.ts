// The embedded back-end for the processor, which is in a thread of its own and may wait for the disk.
import { systemClock } from '../../clock.ts';
import type { ProcessorStorage } from '../open.ts';
import { openFloorplan } from './floorplan.ts';
import { openHistoryWriter } from './history-writer.ts';
import { openJournalReader } from './journal-reader.ts';

/** One broker process has one partition. */
const PARTITIONS = 1;

export function openEmbeddedProcessor(dataDir: string): ProcessorStorage {
  const history = openHistoryWriter(dataDir);
  const journal = openJournalReader(dataDir, PARTITIONS);
  const floorplan = openFloorplan(dataDir, systemClock);
  return {
    journal,
    floorplan,
    history,
    close: async () => {
      await journal.close();
      await floorplan.close();
      await history.close();
    },
  };
}
