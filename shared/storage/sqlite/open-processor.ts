// The embedded back-end for the processor, which is in a thread of its own and may wait for the disk.
import { systemClock } from '../../clock.ts';
import type { ProcessorStorage, ProcessorStorages } from '../open.ts';
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

/** Live counts and history are one database here, so one loop keeps both. */
export function openEmbeddedLoops(dataDir: string): ProcessorStorages {
  const storage = openEmbeddedProcessor(dataDir);
  return {
    own: (onOwned) =>
      storage.journal.own('processor', (ownership) => onOwned([{ name: 'processor', ownership, storage }])),
    // Nobody else can be there: the data directory is locked.
    serve: () => undefined,
    close: async () => undefined,
  };
}
