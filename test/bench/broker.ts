// `bench broker`: what a durable acknowledgement costs, beside mosquitto, which stores nothing, and beside a bare Node
// server that answers every piece with four bytes. Processor time is the kernel's, of the whole process and those that it
// has started.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { generateBuilding } from '../../shared/commands/building.ts';
import { NODE_FLAGS } from '../support/service.ts';
import { removeDir, temporaryDir } from '../support/temporary-dir.ts';
import { type Figure, median, whole } from './figure.ts';
import { type Job, type Result, runLoad } from './load.ts';
import { startMosquitto } from './mosquitto.ts';
import { familyCpuMs } from './process-usage.ts';
import { measureFootfall } from './publish.ts';

const CONNECTIONS = 1_000;
const WARM_UP_PER_CONNECTION = 100;
const MESSAGES_PER_CONNECTION = 400;
/**
 * Each round measures one after the other, every second one the other way round: machines get slower while they work. The
 * medians are compared.
 */
const ROUNDS = 6;

type Measured = { readonly rate: number; readonly cpuUs: number; readonly p99Ms: number };
type Contestant = { readonly port: number; readonly pid: number; stop(): Promise<void> | void };

export async function benchBroker(report: (line: string) => void): Promise<Figure[]> {
  const building = generateBuilding(CONNECTIONS, 'bench');
  const dpuIds = building.doors.map((door) => door.dpuId);
  const starts: Record<string, () => Promise<Contestant | null>> = {
    mosquitto: startMosquitto,
    'bare Node server': () => startFork('bare-server.ts', []),
    'broker and journal': () => startBrokerHost(dpuIds),
    'two workers and their journals': () => startWorkersHost(dpuIds),
  };
  const measured = new Map<string, Measured[]>();
  const take = (name: string, one: Measured) => {
    measured.set(name, [...(measured.get(name) ?? []), one]);
    report(
      `  ${name}: ${whole(one.rate)} acks/s, p99 ${one.p99Ms.toFixed(1)} ms, ${one.cpuUs.toFixed(1)} µs a message`,
    );
  };
  const turns = Object.entries(starts).map(([name, start]) => async () => {
    const contestant = await start();
    if (contestant !== null) take(name, await measure(contestant, dpuIds));
    await contestant?.stop();
  });
  turns.push(async () => {
    const service = await measureFootfall(building);
    take('whole service', { ...summary(service), cpuUs: service.cpuUsPerMessage });
  });
  for (let round = 1; round <= ROUNDS; round++) {
    for (const turn of round % 2 === 0 ? turns.toReversed() : turns) await turn();
  }
  return figuresOf((name, what) => median((measured.get(name) ?? []).map((one) => one[what])));
}

function summary({ messagesPerSecond, latencyMsP99 }: Result) {
  return { rate: messagesPerSecond, p99Ms: latencyMsP99 };
}

async function measure({ port, pid }: Contestant, dpuIds: readonly string[]): Promise<Measured> {
  const job: Job = {
    port,
    dpuIds,
    messagesPerConnection: MESSAGES_PER_CONNECTION,
    warmUpPerConnection: WARM_UP_PER_CONNECTION,
    eventsPerMessage: 1,
    inFlightPerConnection: 1,
    backlog: null,
  };
  let before = 0;
  const result = await runLoad(job, () => {
    before = familyCpuMs(pid);
  });
  return { ...summary(result), cpuUs: ((familyCpuMs(pid) - before) * 1000) / result.messages };
}

async function startBrokerHost(dpuIds: readonly string[]): Promise<Contestant> {
  const dataDir = temporaryDir();
  const host = await startFork('broker-host.ts', [dpuIds.join(), dataDir]);
  const stop = async () => {
    await host.stop();
    removeDir(dataDir);
  };
  return { ...host, stop };
}

async function startWorkersHost(dpuIds: readonly string[]): Promise<Contestant> {
  const dataDir = temporaryDir();
  const host = await startFork('workers-host.ts', [dpuIds.join()], {
    FOOTFALL_DATA_DIR: dataDir,
    FOOTFALL_LOG_LEVEL: 'warn',
  });
  const stop = async () => {
    await host.stop();
    removeDir(dataDir);
  };
  return { ...host, stop };
}

/** A program of this folder that sends its port and ends with its parent; Node runs it as it runs the service. */
async function startFork(
  file: string,
  programArguments: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Contestant> {
  const options = { env: { ...process.env, ...environment }, execArgv: NODE_FLAGS };
  const child: ChildProcess = fork(join(import.meta.dirname, file), programArguments, options);
  const [port] = (await once(child, 'message')) as [number];
  const stop = async () => {
    child.disconnect();
    await once(child, 'exit');
  };
  return { port, pid: child.pid as number, stop };
}

function figuresOf(of: (name: string, what: keyof Measured) => number): Figure[] {
  const cpu = (name: string, most: number): Figure => {
    const ratio = of(name, 'cpuUs') / of('mosquitto', 'cpuUs');
    return {
      name: `processor time a message, ${name}`,
      measured: `${of(name, 'cpuUs').toFixed(1)} µs, ratio ${ratio.toFixed(2)}`,
      peer: `mosquitto ${of('mosquitto', 'cpuUs').toFixed(1)} µs, bare Node server ${of('bare Node server', 'cpuUs').toFixed(1)} µs`,
      target: `ratio <= ${most}`,
      reached: ratio <= most,
    };
  };
  const rate = (peer: string, least: number, who = 'broker and journal'): Figure => {
    const ratio = of(who, 'rate') / of(peer, 'rate');
    return {
      name: `durable acknowledgements, ${who}, beside ${peer}`,
      measured: `${whole(of(who, 'rate'))}/s, ratio ${ratio.toFixed(2)}`,
      peer: `${peer} ${whole(of(peer, 'rate'))}/s`,
      target: `ratio >= ${least}`,
      reached: ratio >= least,
    };
  };
  return [
    cpu('broker and journal', 1.5),
    cpu('whole service', 3),
    rate('mosquitto', 0.7),
    rate('bare Node server', 0.85),
    rate('mosquitto', 1.1, 'two workers and their journals'),
  ];
}
