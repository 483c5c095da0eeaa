// Broker and journal in a process of their own, with nobody who takes in what they store: what the fast path alone costs.
// Takes the ids of its DPUs, comma-separated, and a data directory; sends its port; ends with its parent.
import { randomBytes } from 'node:crypto';
import { startBroker } from '../../broker/start.ts';
import { TICKET_KEYS_BYTES } from '../../broker/tls.ts';
import { systemClock } from '../../shared/clock.ts';
import { createLog } from '../../shared/log.ts';
import { openJournalIngest } from './journal-ingest.ts';

const [dpuIds = '', dataDir = ''] = process.argv.slice(2);
const log = createLog('warn');
const ingest = await openJournalIngest(dpuIds.split(','), dataDir);
const options = {
  host: '127.0.0.1',
  ports: { mqtt: 0, ws: null, mqtts: null },
  tls: null,
  ticketKeys: randomBytes(TICKET_KEYS_BYTES),
};
const broker = await startBroker({ ingest, clock: systemClock, log }, options);
process.send?.(broker.ports.mqtt);
process.on('disconnect', () => process.exit());
