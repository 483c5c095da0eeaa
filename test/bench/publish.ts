// One event a publish, QoS 1, from 1,000 connections: the whole service, storing, beside mosquitto, which stores nothing.
import { generateBuilding } from '../../shared/commands/building.ts';
import { startService } from '../support/service.ts';
import { importBuilding, untilCounted } from './counts-over-http.ts';
import { type Figure, median, whole } from './figure.ts';
import { countsAfter } from './filled-store.ts';
import { type Job, type Result, runLoad } from './load.ts';
import { startMosquitto } from './mosquitto.ts';
import { cpuMs } from './process-usage.ts';
import { directionOf } from './publish-template.ts';

const CONNECTIONS = 1_000;
const WARM_UP_PER_CONNECTION = 100;
const MESSAGES_PER_CONNECTION = 400;
/** Each round measures one after the other; the medians are compared. */
const ROUNDS = 3;
const COUNTED_TIMEOUT_MS = 60_000;

type Measured = Result & { readonly cpuUsPerMessage: number };

export async function benchPublish(report: (line: string) => void): Promise<Figure[]> {
  const building = generateBuilding(CONNECTIONS, 'bench');
  const dpuIds = building.doors.map((door) => door.dpuId);
  const ours: Measured[] = [];
  const theirs: Measured[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const peer = await measureMosquitto(dpuIds);
    if (peer !== null) theirs.push(peer);
    ours.push(await measureFootfall(building));
    report(describe(`round ${round} footfall`, ours.at(-1) as Measured));
    if (peer !== null) report(describe(`round ${round} mosquitto`, peer));
  }
  return figuresOf(ours, theirs);
}

function jobFor(port: number, dpuIds: readonly string[]): Job {
  return {
    port,
    dpuIds,
    messagesPerConnection: MESSAGES_PER_CONNECTION,
    warmUpPerConnection: WARM_UP_PER_CONNECTION,
    eventsPerMessage: 1,
    inFlightPerConnection: 1,
    backlog: null,
  };
}

async function measureMosquitto(dpuIds: readonly string[]): Promise<Measured | null> {
  const mosquitto = await startMosquitto();
  if (mosquitto === null) return null;
  let before = 0;
  const result = await runLoad(jobFor(mosquitto.port, dpuIds), () => {
    before = cpuMs(mosquitto.pid);
  });
  const used = cpuMs(mosquitto.pid) - before;
  mosquitto.stop();
  return { ...result, cpuUsPerMessage: (used * 1000) / result.messages };
}

/** The whole service, until everything is in the counts. */
export async function measureFootfall(building: ReturnType<typeof generateBuilding>): Promise<Measured> {
  await using service = await startService();
  await importBuilding(service.httpUrl, building);
  const dpuIds = building.doors.map((door) => door.dpuId);
  let before = 0;
  const result = await runLoad(jobFor(service.mqttPort, dpuIds), () => {
    before = cpuMs(service.pid);
  });
  let net = 0;
  for (let index = 0; index < MESSAGES_PER_CONNECTION; index++) net += directionOf(index);
  await untilCounted(
    service.httpUrl,
    countsAfter(
      building,
      dpuIds.map(() => net),
    ),
    COUNTED_TIMEOUT_MS,
  );
  const used = cpuMs(service.pid) - before;
  return { ...result, cpuUsPerMessage: (used * 1000) / result.messages };
}

function describe(who: string, one: Measured): string {
  const latency = `p50 ${one.latencyMsP50.toFixed(1)} ms, p99 ${one.latencyMsP99.toFixed(1)} ms`;
  const cpu = `${one.cpuUsPerMessage.toFixed(1)} µs CPU a message`;
  const generator = `generator busy ${Math.round((one.cpuMs / one.elapsedMs) * 100)} %`;
  return `  ${who}: ${whole(one.messagesPerSecond)} acks/s, ${latency}, ${cpu}, ${generator}`;
}

function figuresOf(ours: readonly Measured[], theirs: readonly Measured[]): Figure[] {
  const rate = median(ours.map((one) => one.messagesPerSecond));
  const p99 = median(ours.map((one) => one.latencyMsP99));
  const cpu = median(ours.map((one) => one.cpuUsPerMessage));
  const peerRate = median(theirs.map((one) => one.messagesPerSecond));
  const peerP99 = median(theirs.map((one) => one.latencyMsP99));
  const peerCpu = median(theirs.map((one) => one.cpuUsPerMessage));
  const peer = (text: string) => (theirs.length === 0 ? 'mosquitto is not installed' : `mosquitto ${text}`);
  return [
    {
      name: 'QoS 1, one event a publish, 1,000 connections: durable acks',
      measured: `${whole(rate)}/s, ratio ${(rate / peerRate).toFixed(2)}`,
      peer: peer(`${whole(peerRate)}/s`),
      target: 'ratio >= 0.33',
      reached: rate / peerRate >= 0.33,
    },
    {
      name: '  latency of an ack, p99',
      measured: `${p99.toFixed(1)} ms`,
      peer: peer(`${peerP99.toFixed(1)} ms`),
      target: '< 60 ms',
      reached: p99 < 60,
    },
    {
      name: '  processor time a message, whole service, until counted',
      measured: `${cpu.toFixed(1)} µs, ratio ${(cpu / peerCpu).toFixed(1)}`,
      peer: peer(`${peerCpu.toFixed(1)} µs`),
      target: 'ratio <= 6',
      reached: cpu / peerCpu <= 6,
    },
  ];
}
