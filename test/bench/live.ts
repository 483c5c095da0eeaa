// The live stream with a thousand readers, and one that never reads: how old a change is when it arrives, and what memory it takes.
import { fork } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { generateBuilding } from '../../shared/commands/building.ts';
import { startService } from '../support/service.ts';
import { importBuilding } from './counts-over-http.ts';
import { type Figure, median, whole } from './figure.ts';
import type { ReadersJob, ReadersResult } from './live-readers.ts';
import { runLoad } from './load.ts';
import { cpuMs, residentBytes } from './process-usage.ts';

const READERS = 1_000;
const LOOK_EVERY = 50;
const DPUS = 200;
const CHANGES_PER_SECOND = 1_000;
const MEASURED_S = 60;
/** Until the messages that are kept for readers that fall behind are as many as there will ever be. */
const WARM_UP_S = 12;
const SAMPLE_MS = 500;
const P99_MS_MAX = 200;
/** From the first half to the second; more than that is no longer flat. */
const GROWTH_BYTES_MAX = 16 * 1024 * 1024;

export async function benchLive(report: (line: string) => void): Promise<Figure[]> {
  const building = generateBuilding(DPUS, 'bench');
  const spaces = [...building.parents.keys()];
  const ofOne = Array.from({ length: READERS }, (_, index) => `?space_ids=${spaces[index % spaces.length]}`);
  return [
    ...(await benchReaders('of a space each', ofOne, report)),
    ...(await benchReaders('of all spaces', new Array<string>(READERS).fill(''), report)),
  ];
}

async function benchReaders(what: string, queries: readonly string[], report: (line: string) => void) {
  const building = generateBuilding(DPUS, 'bench');
  await using service = await startService();
  await importBuilding(service.httpUrl, building);
  const port = Number(new URL(service.httpUrl).port);
  // It asks, and never takes what it gets.
  const deaf = connect({ port, host: '127.0.0.1' }).pause();
  deaf.write('GET /v1/live HTTP/1.1\r\nhost: localhost\r\n\r\n');
  const readers = await startReaders({ port, queries, lookEvery: LOOK_EVERY });
  const [beforeBytes, beforeCpuMs] = [residentBytes(service.pid), cpuMs(service.pid)];
  const resident: number[] = [];
  setTimeout(() => readers.measure(), WARM_UP_S * 1000);
  const sampling = setInterval(() => resident.push(residentBytes(service.pid)), SAMPLE_MS);
  const load = await runLoad({
    port: service.mqttPort,
    dpuIds: building.doors.map(({ dpuId }) => dpuId),
    messagesPerConnection: ((MEASURED_S + WARM_UP_S) * CHANGES_PER_SECOND) / DPUS,
    warmUpPerConnection: (WARM_UP_S * CHANGES_PER_SECOND) / DPUS,
    eventsPerMessage: 1,
    inFlightPerConnection: 1,
    backlog: null,
    periodMs: (DPUS * 1000) / CHANGES_PER_SECOND,
  });
  clearInterval(sampling);
  // Half against half: from one moment to another the heap moves more than that by itself.
  const measured = resident.slice((WARM_UP_S * 1000) / SAMPLE_MS);
  const middle = measured.length >> 1;
  const grown = median(measured.slice(middle)) - median(measured.slice(0, middle));
  const cores = (cpuMs(service.pid) - beforeCpuMs) / ((MEASURED_S + WARM_UP_S) * 1000);
  const { changes, p50Ms, p99Ms, megabytes } = await readers.stop();
  deaf.destroy();
  report(
    `  ${whole(READERS)} readers ${what}, ${whole(load.messagesPerSecond)} events/s: ${whole(changes)} changes looked at, ` +
      `p50 ${p50Ms} ms, p99 ${p99Ms} ms; ${whole(megabytes / MEASURED_S)} MB/s, ${cores.toFixed(2)} cores of the service, ` +
      `${whole(beforeBytes / 1e6)} MB and ${whole(grown / 1e6)} more`,
  );
  const name = `${whole(READERS)} readers ${what} and a deaf one, ${whole(load.messagesPerSecond)} events/s`;
  return [
    {
      name: `${name}: age of a change, p99`,
      measured: `${p99Ms} ms`,
      peer: `acknowledged p99 ${load.latencyMsP99.toFixed(1)} ms`,
      target: `<= ${P99_MS_MAX} ms`,
      reached: changes > 0 && p99Ms <= P99_MS_MAX,
    },
    {
      name: `${name}: memory`,
      measured: `${whole(grown / 1e6)} MB more`,
      peer: `${whole(beforeBytes / 1e6)} MB at first`,
      target: 'flat',
      reached: grown <= GROWTH_BYTES_MAX,
    },
  ];
}

async function startReaders(job: ReadersJob) {
  const child = fork(join(import.meta.dirname, 'live-readers.ts'), [JSON.stringify(job)]);
  process.once('exit', () => child.kill('SIGKILL'));
  const failed = new Promise<never>((_, reject) => {
    child.once('exit', (code) => code !== 0 && reject(new Error(`the readers ended with ${code}`)));
  });
  failed.catch(() => undefined);
  await Promise.race([new Promise((resolve) => child.once('message', resolve)), failed]);
  return {
    measure: () => void child.send('measure'),
    stop: async (): Promise<ReadersResult> => {
      const told = new Promise<ReadersResult>((resolve) => {
        child.once('message', (message: { result: ReadersResult }) => resolve(message.result));
      });
      child.send('stop');
      return Promise.race([told, failed]);
    },
  };
}
