// The thread for what the API asks for, facts and queries; one thread for both, because each thread costs 10 MB.
import { systemClock } from '../../clock.ts';
import { serveThread } from '../../thread.ts';
import type { FloorplanStore } from '../floorplan.ts';
import type { HistoryReader } from '../history.ts';
import type { LiveReader } from '../live.ts';
import type { QuarantineReader } from '../quarantine.ts';
import { openFloorplan } from './floorplan.ts';
import { openHistoryReader } from './history-reader.ts';

export type ServingThreadOptions = { readonly dataDir: string };

export type Serving = FloorplanStore & HistoryReader & LiveReader & QuarantineReader;

serveThread(({ dataDir }: ServingThreadOptions): Serving => {
  const floorplan = openFloorplan(dataDir, systemClock);
  const history = openHistoryReader(dataDir);
  const close = async () => {
    await floorplan.close();
    await history.close();
  };
  return { ...floorplan, ...history, close };
});
