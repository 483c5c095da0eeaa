// The thread of the floor plan store.
import { systemClock } from '../../clock.ts';
import { serveThread } from '../../thread.ts';
import { openFloorplan } from './floorplan.ts';

export type FloorplanThreadOptions = { readonly dataDir: string };

serveThread((options: FloorplanThreadOptions) => openFloorplan(options.dataDir, systemClock));
