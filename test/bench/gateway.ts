// Events from a mosquitto: as they are published, into the counts of the whole service; and from a backlog, into a journal,
// beside MQTT.js with the same journal, and mosquitto_sub, which stores nothing.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { systemClock } from '../../shared/clock.ts';
import { generateBuilding } from '../../shared/commands/building.ts';
import { startService } from '../support/service.ts';
import { removeDir, temporaryDir } from '../support/temporary-dir.ts';
import { importBuilding, untilCounted } from './counts-over-http.ts';
import { type Figure, median, whole } from './figure.ts';
import { countsAfter } from './filled-store.ts';
import { CLIENT_ID, FILTER, startBacklog } from './gateway-backlog.ts';
import { runLoad } from './load.ts';
import { startMosquitto } from './mosquitto.ts';
import { cpuMs } from './process-usage.ts';
import { directionOf } from './publish-template.ts';

const DPUS = 1_000;
const MESSAGES_PER_DPU = 200;
/** MQTT.js acknowledges some hundred a second. */
const MESSAGES_PER_DPU_OF_MQTT_JS = 2;
const ROUNDS = 3;
const COUNTED_TIMEOUT_MS = 120_000;
/** Durable events a second from mosquitto. */
const RATE_MIN = 20_000;
/** Of the rate at which mosquitto is published to: the gateway keeps up. */
const LIVE_RATIO_MIN = 0.9;

type Building = ReturnType<typeof generateBuilding>;

export async function benchGateway(report: (line: string) => void): Promise<Figure[]> {
  const building = generateBuilding(DPUS, 'bench');
  const dpuIds = building.doors.map((door) => door.dpuId);
  const rates = new Map<string, number[]>();
  const take = (name: string, rate: number, more = '') => {
    rates.set(name, [...(rates.get(name) ?? []), rate]);
    report(`  ${name}: ${whole(rate)} events/s${more}`);
  };
  for (let round = 1; round <= ROUNDS; round++) {
    const live = await measureLive(building);
    if (live === null) return [];
    rates.set('published', [...(rates.get('published') ?? []), live.publishedRate]);
    take(
      'live',
      live.rate,
      `, published at ${whole(live.publishedRate)}/s, ${live.cpuUs.toFixed(1)} µs each in footfall`,
    );
    take('gateway', await measureHost('gateway', dpuIds, MESSAGES_PER_DPU));
    take('MQTT.js', await measureHost('mqtt.js', dpuIds, MESSAGES_PER_DPU_OF_MQTT_JS));
    take('mosquitto_sub', await measureMosquittoSub(dpuIds));
  }
  const of = (name: string) => median(rates.get(name) ?? []);
  const peers =
    `MQTT.js handleMessage, same journal ${whole(of('MQTT.js'))}/s; ` +
    `mosquitto_sub, storing nothing ${whole(of('mosquitto_sub'))}/s`;
  const [rate, ratio] = [of('gateway'), of('live') / of('published')];
  return [
    {
      name: 'gateway: durable events from a backlog in mosquitto',
      measured: `${whole(rate)}/s`,
      peer: peers,
      target: `>= ${whole(RATE_MIN)}/s`,
      reached: rate >= RATE_MIN,
    },
    {
      name: 'gateway: events as they are published, until counted',
      measured: `${whole(of('live'))}/s, ratio ${ratio.toFixed(2)}`,
      peer: `mosquitto takes ${whole(of('published'))}/s, from a generator on the same cores`,
      target: `ratio >= ${LIVE_RATIO_MIN}`,
      reached: ratio >= LIVE_RATIO_MIN,
    },
  ];
}

/** From the first publish until all are in the counts; mosquitto and the load generator share the machine. */
async function measureLive(building: Building) {
  const mosquitto = await startMosquitto();
  if (mosquitto === null) return null;
  const environment = { FOOTFALL_GATEWAY_URL: `mqtt://127.0.0.1:${mosquitto.port}`, FOOTFALL_LOG_LEVEL: 'info' };
  await using service = await startService({ environment });
  await importBuilding(service.httpUrl, building);
  const dpuIds = building.doors.map((door) => door.dpuId);
  while (!service.log().includes('events are consumed from another broker')) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const before = cpuMs(service.pid);
  let beganMs = 0;
  const job = { messagesPerConnection: MESSAGES_PER_DPU, warmUpPerConnection: 0, eventsPerMessage: 1 };
  const published = await runLoad(
    { port: mosquitto.port, dpuIds, ...job, inFlightPerConnection: 1, backlog: null },
    () => {
      beganMs = systemClock.monotonicMs();
    },
  );
  const net = Array.from({ length: MESSAGES_PER_DPU }, (_, index) => directionOf(index)).reduce<number>(
    (sum, one) => sum + one,
    0,
  );
  await untilCounted(
    service.httpUrl,
    countsAfter(
      building,
      dpuIds.map(() => net),
    ),
    COUNTED_TIMEOUT_MS,
  );
  const elapsedMs = systemClock.monotonicMs() - beganMs;
  const messages = dpuIds.length * MESSAGES_PER_DPU;
  mosquitto.stop();
  return {
    rate: (messages * 1000) / elapsedMs,
    publishedRate: published.messagesPerSecond,
    cpuUs: ((cpuMs(service.pid) - before) * 1000) / messages,
  };
}

/** From the connection until everything is acknowledged to mosquitto. */
async function measureHost(
  consumer: 'gateway' | 'mqtt.js',
  dpuIds: readonly string[],
  messagesPerDpu: number,
): Promise<number> {
  const mosquitto = await startBacklog(dpuIds, messagesPerDpu);
  if (mosquitto === null) return Number.NaN;
  const dataDir = temporaryDir();
  const messages = dpuIds.length * messagesPerDpu;
  const program = [consumer, String(mosquitto.port), String(messages), dpuIds.join(), dataDir];
  const host: ChildProcess = fork(join(import.meta.dirname, 'gateway-host.ts'), program);
  const elapsedMs = await new Promise<number>((resolve, reject) => {
    host.on('exit', (code) => reject(new Error(`the consumer ended with ${code}`)));
    host.on('message', resolve);
  });
  host.removeAllListeners('exit');
  host.disconnect();
  await once(host, 'exit');
  mosquitto.stop();
  removeDir(dataDir);
  return (messages * 1000) / elapsedMs;
}

async function measureMosquittoSub(dpuIds: readonly string[]): Promise<number> {
  const mosquitto = await startBacklog(dpuIds, MESSAGES_PER_DPU);
  if (mosquitto === null) return Number.NaN;
  const messages = dpuIds.length * MESSAGES_PER_DPU;
  const beganMs = systemClock.monotonicMs();
  const session = ['-p', String(mosquitto.port), '-i', CLIENT_ID, '-c', '-q', '1', '-t', FILTER];
  const five = ['-V', 'mqttv5', '-D', 'connect', 'receive-maximum', '10000'];
  const child = spawn('mosquitto_sub', [...session, ...five, '-C', String(messages)], { stdio: 'ignore' });
  await once(child, 'exit');
  const rate = (messages * 1000) / (systemClock.monotonicMs() - beganMs);
  mosquitto.stop();
  return rate;
}
