// Two broker workers with their journals, and nobody who takes in what they store. Takes the ids of its DPUs,
// comma-separated (FOOTFALL_DATA_DIR is in its environment); sends its port; ends with its parent.
import { startWorkers } from '../../broker/workers.ts';
import { systemClock } from '../../shared/clock.ts';
import { readConfig } from '../../shared/config.ts';
import type { DpuId } from '../../shared/ids.ts';
import { createLog } from '../../shared/log.ts';
import { NoticeBoard } from '../../shared/notices.ts';
import { openFloorplan } from '../../shared/storage/sqlite/floorplan.ts';

const [dpuIds = ''] = process.argv.slice(2);
const floorplan = openFloorplan(readConfig().config.dataDir, systemClock);
const facts = await floorplan.append(
  dpuIds.split(',').map((id) => ({ kind: 'dpu', id: id as DpuId, name: id, retiredAtMs: null })),
  0,
  null,
);
await floorplan.markAnnounced(facts.length);
await floorplan.close();
const ports = { mqtt: 0, ws: null, mqtts: null };
const nothing = new NoticeBoard(() => undefined);
const workers = await startWorkers(
  { clock: systemClock, log: createLog('warn'), boards: { counts: nothing, statuses: nothing } },
  { count: 2, host: '127.0.0.1', tlsHost: '127.0.0.1', ports },
);
process.send?.(workers.ports.mqtt);
process.on('disconnect', () => process.exit());
