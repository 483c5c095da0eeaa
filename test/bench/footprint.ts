// What ten million events cost: bytes on disk, memory at rest, and the time until a fresh process answers rightly.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../shared/clock.ts';
import { startService } from '../support/service.ts';
import { untilCounted } from './counts-over-http.ts';
import { type Figure, whole } from './figure.ts';
import type { FilledStore } from './filled-store.ts';
import { residentBytes } from './process-usage.ts';

const AT_REST_AFTER_MS = 10_000;
const MEGABYTE = 1e6;
/** As `npm start` sets it. */
const NODE_COMPILE_CACHE = 'node_modules/.cache/footfall';

export async function benchFootprint(store: FilledStore, report: (line: string) => void): Promise<Figure[]> {
  const options = { dataDir: store.dataDir, environment: { NODE_COMPILE_CACHE } };
  const firstService = await startService(options);
  await firstService.stop();
  const files = filesOf(store.dataDir);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  for (const { name, bytes } of files) report(`  ${name}: ${whole(bytes)} bytes`);
  const beganMs = systemClock.monotonicMs();
  await using service = await startService(options);
  const readyMs = systemClock.monotonicMs() - beganMs;
  const countedMs = (await untilCounted(service.httpUrl, store.counts, 0)) - beganMs;
  report(`  ready after ${whole(readyMs)} ms, first counts of all spaces after ${whole(countedMs)} ms`);
  await new Promise((resolve) => setTimeout(resolve, AT_REST_AFTER_MS));
  const resident = residentBytes(service.pid);
  return [
    {
      name: 'bytes on disk an event, its packed copy and journal included',
      measured: (bytes / store.events).toFixed(1),
      peer: `${whole(store.events)} events, ${whole(bytes / MEGABYTE)} MB`,
      target: '<= 60',
      reached: bytes / store.events <= 60,
    },
    {
      name: 'memory at rest, second start, after 10 s',
      measured: `${whole(resident / MEGABYTE)} MB (${whole(resident / 1024 / 1024)} MiB)`,
      peer: 'resident set, threads included',
      target: '<= 170 MB',
      reached: resident / MEGABYTE <= 170,
    },
    {
      name: 'from process start to right live counts, 10 million events',
      measured: `${whole(countedMs)} ms`,
      peer: `ready line after ${whole(readyMs)} ms`,
      target: '<= 1,000 ms',
      reached: countedMs <= 1_000,
    },
  ];
}

function filesOf(dataDir: string): { name: string; bytes: number }[] {
  return readdirSync(dataDir).map((name) => ({ name, bytes: statSync(join(dataDir, name)).size }));
}
