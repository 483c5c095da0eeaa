// The gateway and a journal in a process of their own, or in its place MQTT.js as a consumer, which handles a message at a time.
// Takes what consumes (`gateway`, `mqtt.js`), the port of the other broker, how many messages wait there, the ids of their DPUs,
// comma-separated, and a data directory; tells its parent how long it took to have all of them acknowledged, ms.
import { connect } from 'mqtt';
import { openGateway } from '../../broker/gateway.ts';
import { systemClock } from '../../shared/clock.ts';
import type { DpuId } from '../../shared/ids.ts';
import type { Ingest } from '../../shared/ingest.ts';
import { createLog } from '../../shared/log.ts';
import { CLIENT_ID, FILTER } from './gateway-backlog.ts';
import { openJournalIngest } from './journal-ingest.ts';

const LOOK_EVERY_MS = 1;

const [consumer = '', port = '', messages = '', dpuIds = '', dataDir = ''] = process.argv.slice(2);
const ingest = await openJournalIngest(dpuIds.split(','), dataDir);
const beganMs = systemClock.monotonicMs();
const acknowledged = consumer === 'gateway' ? gateway() : mqttJs(ingest);
const timer = setInterval(() => {
  if (acknowledged() < Number(messages)) return;
  process.send?.(systemClock.monotonicMs() - beganMs);
  clearInterval(timer);
}, LOOK_EVERY_MS);
process.on('disconnect', () => process.exit());

function gateway(): () => number {
  const nobody = { tls: null, username: null, password: null, group: null };
  const config = { host: '127.0.0.1', port: Number(port), clientId: CLIENT_ID, ...nobody };
  const opened = openGateway({ ingest, clock: systemClock, log: createLog('warn') }, config);
  return () => opened.status().acknowledged;
}

/** The documented way to acknowledge after something is done: `handleMessage` calls back then. */
function mqttJs(into: Ingest): () => number {
  let stored = 0;
  const client = connect({ port: Number(port), host: '127.0.0.1', clientId: CLIENT_ID, clean: false });
  client.handleMessage = ({ topic, payload }, done) => {
    const bytes = Buffer.from(payload);
    const told = () => {
      stored += 1;
      done();
    };
    into.take(into.senderOf(topic.split('/')[1] as DpuId), bytes, 0, bytes.length, { stored: told });
  };
  client.on('connect', () => client.subscribe(FILTER, { qos: 1 }));
  return () => stored;
}
