// `bench connections`: a fleet of 100,000 that connects with its secrets, is idle, and publishes: memory, time, processor time.
import { generate } from 'mqtt-packet';
import { systemClock } from '../../shared/clock.ts';
import { httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';
import { setting } from '../support/setting.ts';
import { workersOf } from '../support/workers.ts';
import { type Figure, whole } from './figure.ts';
import type { GeneratorJob } from './generator/job-file.ts';
import { Generator } from './generator/run.ts';
import { cpuMs, residentBytes } from './process-usage.ts';
import { publishTemplate } from './publish-template.ts';

/** Fewer of them for a look at how it goes. */
const CONNECTIONS = setting('FOOTFALL_BENCH_CONNECTIONS', 100_000);
/** File limits are per process, and 20,000 on many machines; each generator has a source address, for its ports. */
const PER_PROCESS = 17_000;
const PROCESSES = Math.max(2, Math.ceil(CONNECTIONS / PER_PROCESS));
const KEEPALIVE_S = 60;
/** For what connecting has caused: it is stored, and nobody is idle meanwhile. */
const SETTLE_S = 15;
const IDLE_S = 60;
const PUBLISHES_PER_S = 5_000;
/** Before it is measured: what the first publishes run is not compiled yet. */
const WARM_UP_S = 5;
const PUBLISH_S = 20;
/** Of each generator. */
const CONNECTS_AT_ONCE = 500;
/** 127.0.0.2, and those after it. */
const FIRST_SOURCE_ADDRESS = 0x7f000002;
const BATCH = 500;
/** Of the service's log, when the fleet has lost a connection. */
const LOG_SHOWN = 4_000;
const ADMIN_KEY = 'an-admin-key-for-benches';

type Report = (line: string) => void;
type Dpu = { readonly id: string; readonly secret: string };

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
  using fleet = new DisposableStack();
  try {
    const emptyCpu = total(cpuMs);
    const jobs = Array.from({ length: PROCESSES }, (_, index) =>
      jobOf(
        service.mqttPort,
        index,
        dpus.filter((_dpu, at) => at % PROCESSES === index),
      ),
    );
    const beganMs = systemClock.monotonicMs();
    const parts = jobs.map((job) => fleet.use(Generator.start(job)));
    const connected = await Promise.all(parts.map((part) => part.connected()));
    const connectS = (systemClock.monotonicMs() - beganMs) / 1000;
    const retries = connected.reduce((sum, one) => sum + one.retries, 0);
    const usEach = ((total(cpuMs) - emptyCpu) * 1000) / CONNECTIONS;
    const cost = `${whole(usEach)} µs of processor time each`;
    report(`  ${whole(CONNECTIONS)} connected in ${connectS.toFixed(1)} s, ${cost}, ${retries} tries failed`);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_S * 1000));
    const cpuBefore = total(cpuMs);
    await new Promise((resolve) => setTimeout(resolve, IDLE_S * 1000));
    const idleShare = (total(cpuMs) - cpuBefore) / (IDLE_S * 1000);
    const bytesEach = (total(residentBytes) - emptyBytes) / CONNECTIONS;
    report(`  idle: ${idleShare.toFixed(2)} of a core, ${whole(bytesEach)} bytes a connection`);
    const publish = (seconds: number) =>
      Promise.all(parts.map((part) => part.publish(PUBLISHES_PER_S / PROCESSES, seconds)));
    await publish(WARM_UP_S);
    const results = await publish(PUBLISH_S);
    const rate = results.reduce((sum, one) => sum + one.published, 0) / PUBLISH_S;
    // The slowest part of the fleet stands for all of it.
    const p99Ms = Math.max(...results.map((one) => one.p99Ms));
    const p50Ms = Math.max(...results.map((one) => one.p50Ms));
    report(`  ${whole(rate)} publishes/s, p50 ${p50Ms.toFixed(1)}, p99 ${p99Ms.toFixed(1)} ms`);
    return figuresOf({ connectS, idleShare, bytesEach, rate, p99Ms });
  } catch (error) {
    report(service.log().slice(-LOG_SHOWN));
    throw error;
  }
}

function jobOf(port: number, index: number, dpus: readonly Dpu[]): GeneratorJob {
  return {
    port,
    sourceAddress: FIRST_SOURCE_ADDRESS + index,
    eventsPerMessage: 1,
    ...{ messagesPerConnection: 0, warmUpPerConnection: 0, inFlightPerConnection: 1, backlog: null, periodMs: 0 },
    connectsAtOnce: CONNECTS_AT_ONCE,
    isPatient: true,
    pingsPerS: dpus.length / KEEPALIVE_S,
    devices: dpus.map(({ id, secret }) => ({
      name: id,
      connect: connectPacket(id, secret),
      variants: [publishTemplate(id, [1])],
    })),
  };
}

function connectPacket(id: string, secret: string): Buffer {
  const password = Buffer.from(secret);
  const who = { clientId: id, username: id, password };
  return generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    ...who,
    clean: true,
    keepalive: KEEPALIVE_S,
  });
}

async function provision({ httpUrl }: Service, report: Report): Promise<Dpu[]> {
  const client = httpClient(httpUrl);
  const dpus: Dpu[] = [];
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
