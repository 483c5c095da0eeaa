// Broker and journal in a process of their own, with nobody who takes in what they store: what the fast path alone costs.
// Takes the ids of its DPUs, comma-separated, and a data directory; sends its port; ends with its parent.
import { randomBytes } from 'node:crypto';
import { startBroker } from '../../broker/main.ts';
import { TICKET_KEYS_BYTES } from '../../broker/tls.ts';
import { systemClock } from '../../shared/clock.ts';
import { Floorplan } from '../../shared/floorplan.ts';
import type { DpuId } from '../../shared/ids.ts';
import { Ingest } from '../../shared/ingest.ts';
import { JournalWriter } from '../../shared/journal-writer.ts';
import { createLog } from '../../shared/log.ts';
import type { JournalAppender } from '../../shared/storage/sqlite/journal-appender.ts';
import { startThread } from '../../shared/thread.ts';

const [dpuIds = '', dataDir = ''] = process.argv.slice(2);
const log = createLog('warn');
const plan = new Floorplan();
for (const [index, id] of dpuIds.split(',').entries()) {
  const change = { kind: 'dpu', id: id as DpuId, name: id, retiredAtMs: null } as const;
  plan.apply({ number: index + 1, recordedAtMs: 0, by: null, change });
}
const journal = await startThread<Pick<JournalAppender, 'append'>>(
  new URL('../../shared/storage/sqlite/journal-thread.ts', import.meta.url),
  { dataDir, partition: 0, workers: 0 },
  (error) => {
    throw error;
  },
);
const writer = new JournalWriter(journal, 1, systemClock, log);
const ingest = new Ingest({ writer, plan, clock: systemClock, futureAllowedMs: 300_000, latenessAllowedMs: 60_000 });
const options = {
  host: '127.0.0.1',
  ports: { mqtt: 0, ws: null, mqtts: null },
  tls: null,
  ticketKeys: randomBytes(TICKET_KEYS_BYTES),
};
const broker = await startBroker({ ingest, clock: systemClock, log }, options);
process.send?.(broker.ports.mqtt);
process.on('disconnect', () => process.exit());
