// `bench connections`: a fleet of 100,000 that connects with its secrets, is idle, and publishes: memory, time, processor time.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { systemClock } from '../../shared/clock.ts';
import { httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';
import { setting } from '../support/setting.ts';
import { workersOf } from '../support/workers.ts';
import type { FleetCommand, FleetPart, FleetReport } from './connections-generator.ts';
import { type Figure, whole } from './figure.ts';
import { cpuMs, residentBytes } from './process-usage.ts';

/** Fewer of them for a look at how it goes. */
const CONNECTIONS = setting('FOOTFALL_BENCH_CONNECTIONS', 100_000);
/** File limits are per process, and 20,000 on many machines; each generator has a source address, for its ports. */
const PER_PROCESS = 17_000;
const PROCESSES = Math.max(2, Math.ceil(CONNECTIONS / PER_PROCESS));
const KEEPALIVE_S = 60;
const IDLE_S = 60;
const PUBLISHES_PER_S = 5_000;
const PUBLISH_S = 20;
const BATCH = 500;
/** Of the service's log, when the fleet has lost a connection. */
const LOG_SHOWN = 4_000;
const ADMIN_KEY = 'an-admin-key-for-benches';

type Report = (line: string) => void;

export async function benchConnections(report: Report): Promise<Figure[]> {
  await using service = await startService({
    environment: {
      FOOTFALL_BROKER_WORKERS: String(PROCESSES),
      FOOTFALL_ADMIN_KEY: ADMIN_KEY,
      FOOTFALL_LOG_LEVEL: 'info',
    },
  });
  const dpus = await provision(service, report);
  const pids = [service.pid, ...workersOf(service)];
  const total = (of: (pid: number) => number) => pids.reduce((sum, pid) => sum + of(pid), 0);
  const emptyBytes = total(residentBytes);
  const parts = Array.from({ length: PROCESSES }, (_, index): FleetPart => {
    const own = dpus.filter((_dpu, at) => at % PROCESSES === index);
    return { port: service.mqttPort, localAddress: `127.0.0.${index + 2}`, keepaliveS: KEEPALIVE_S, dpus: own };
  });
  const fleet = parts.map(() => fork(join(import.meta.dirname, 'connections-generator.ts')));
  try {
    const emptyCpu = total(cpuMs);
    const beganMs = systemClock.monotonicMs();
    const connected = await Promise.all(fleet.map((child, at) => ask(child, { part: parts[at] as FleetPart })));
    const connectS = (systemClock.monotonicMs() - beganMs) / 1000;
    const retries = connected.reduce((sum, one) => sum + ('retries' in one ? one.retries : 0), 0);
    const cpuBefore = total(cpuMs);
    const usEach = ((cpuBefore - emptyCpu) * 1000) / CONNECTIONS;
    const cost = `${whole(usEach)} µs of processor time each`;
    report(`  ${whole(CONNECTIONS)} connected in ${connectS.toFixed(1)} s, ${cost}, ${retries} tries failed`);
    await new Promise((resolve) => setTimeout(resolve, IDLE_S * 1000));
    const idleShare = (total(cpuMs) - cpuBefore) / (IDLE_S * 1000);
    const bytesEach = (total(residentBytes) - emptyBytes) / CONNECTIONS;
    report(`  idle: ${idleShare.toFixed(2)} of a core, ${whole(bytesEach)} bytes a connection`);
    const work: FleetCommand = { publishesPerS: PUBLISHES_PER_S / PROCESSES, seconds: PUBLISH_S };
    const published = await Promise.all(fleet.map((child) => ask(child, work)));
    const results = published.flatMap((one) => ('published' in one ? [one] : []));
    const rate = results.reduce((sum, one) => sum + one.published, 0) / PUBLISH_S;
    // The slowest part of the fleet stands for all of it.
    const p99Ms = Math.max(...results.map((one) => one.p99Ms));
    const p50Ms = Math.max(...results.map((one) => one.p50Ms));
    report(`  ${whole(rate)} publishes/s, p50 ${p50Ms.toFixed(1)}, p99 ${p99Ms.toFixed(1)} ms`);
    return figuresOf({ connectS, idleShare, bytesEach, rate, p99Ms });
  } catch (error) {
    report(service.log().slice(-LOG_SHOWN));
    throw error;
  } finally {
    for (const child of fleet) child.kill('SIGKILL');
  }
}

async function provision({ httpUrl }: Service, report: Report): Promise<FleetPart['dpus']> {
  const client = httpClient(httpUrl);
  const dpus: { id: string; secret: string }[] = [];
  const beganMs = systemClock.monotonicMs();
  while (dpus.length < CONNECTIONS) {
    const batch = Array.from({ length: Math.min(BATCH, CONNECTIONS - dpus.length) }, (_, index) => ({
      id: `c${dpus.length + index}`,
    }));
    const answer = await client.call(
      'POST',
      '/v1/dpus/secrets',
      { dpus: batch },
      { authorization: `Bearer ${ADMIN_KEY}` },
    );
    if (answer.status !== 201) throw new Error(`no secrets: ${JSON.stringify(answer.body)}`);
    for (const { dpu_id: id, secret } of answer.body.results) dpus.push({ id, secret });
  }
  report(`  ${whole(CONNECTIONS)} DPUs and secrets in ${((systemClock.monotonicMs() - beganMs) / 1000).toFixed(1)} s`);
  return dpus;
}

async function ask(child: ChildProcess, command: FleetCommand): Promise<FleetReport> {
  const answer = once(child, 'message') as Promise<[FleetReport]>;
  const ended = once(child, 'exit').then(() => {
    throw new Error('a part of the fleet has ended');
  });
  child.send(command);
  const [report] = await Promise.race([answer, ended]);
  return report;
}

type Measured = Record<'connectS' | 'idleShare' | 'bytesEach' | 'rate' | 'p99Ms', number>;

function figuresOf({ connectS, idleShare, bytesEach, rate, p99Ms }: Measured): Figure[] {
  const peer = '-';
  return [
    {
      name: `${whole(CONNECTIONS)} connections with secrets, all connected after a cold start`,
      measured: `${connectS.toFixed(1)} s`,
      peer,
      target: '<= 60 s',
      reached: connectS <= 60,
    },
    {
      name: '  memory each, all processes of the service',
      measured: `${whole(bytesEach)} bytes`,
      peer,
      target: '<= 14 KB',
      reached: bytesEach <= 14 * 1024,
    },
    {
      name: `  idle with a keepalive of ${KEEPALIVE_S} s`,
      measured: `${idleShare.toFixed(2)} of a core`,
      peer,
      target: '<= 0.25',
      reached: idleShare <= 0.25,
    },
    {
      name: `  PUBACK at ${whole(rate)} publishes/s, p99`,
      measured: `${p99Ms.toFixed(1)} ms`,
      peer,
      target: '<= 50 ms',
      reached: p99Ms <= 50,
    },
  ];
}
