// The one switch that chooses a storage back-end, for the services that append and ask.
import type { Config } from '../config.ts';
import type { FloorplanStore } from './floorplan.ts';
import type { HistoryReader, HistoryWriter } from './history.ts';
import type { Journal } from './journal.ts';
import type { LiveReader } from './live.ts';
import type { QuarantineReader } from './quarantine.ts';

export type Storage = {
  readonly journal: Pick<Journal, 'append' | 'durability'>;
  readonly floorplan: Omit<FloorplanStore, 'close'>;
  readonly history: Omit<HistoryReader, 'close'> & LiveReader & QuarantineReader;
  close(): Promise<void>;
};

/** Opens the configured back-end. `onFatal` is told when it can only be trusted again after a fresh start. */
export async function openStorage(config: Config, onFatal: (error: Error) => void): Promise<Storage> {
  switch (config.storage) {
    case 'embedded': {
      const { openEmbedded } = await import('./sqlite/open.ts');
      return openEmbedded(config.dataDir, onFatal);
    }
  }
}

/** What a processor needs; `journal` reads. */
export type ProcessorStorage = {
  readonly journal: Pick<Journal, 'own' | 'read' | 'commit' | 'lag'>;
  readonly floorplan: Pick<FloorplanStore, 'read'>;
  readonly history: HistoryWriter;
  close(): Promise<void>;
};

/** Opens the configured back-end for a processor, which for the embedded one works in the calling thread. */
export async function openProcessorStorage(config: Pick<Config, 'storage' | 'dataDir'>): Promise<ProcessorStorage> {
  switch (config.storage) {
    case 'embedded': {
      const { openEmbeddedProcessor } = await import('./sqlite/open-processor.ts');
      return openEmbeddedProcessor(config.dataDir);
    }
  }
}
