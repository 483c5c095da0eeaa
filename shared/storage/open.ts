// The one switch that chooses a storage back-end.
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { FloorplanStore } from './floorplan.ts';
import type { HistoryReader } from './history.ts';
import type { Journal } from './journal.ts';
import type { LiveReader } from './live.ts';
import type { QuarantineReader } from './quarantine.ts';

/** Everything that the broker and the API need of a back-end. */
export type Storage = {
  readonly journal: Pick<Journal, 'append' | 'durability' | 'close'>;
  readonly floorplan: FloorplanStore;
  readonly history: HistoryReader & LiveReader & QuarantineReader;
  close(): Promise<void>;
};
