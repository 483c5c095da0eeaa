// An export of a million events: how fast it runs, and how much memory the service takes for it, also when its reader stops.
import { systemClock } from '../../shared/clock.ts';
import { startService } from '../support/service.ts';
import { type Figure, whole } from './figure.ts';
import type { FilledStore } from './filled-store.ts';
import { residentBytes } from './process-usage.ts';

const MB = 1024 * 1024;
/** What an export may add to the memory of the service: pieces under way, and what the collector has not taken yet. */
const GROWTH_MB_MAX = 100;
const STOPPED_MS = 5_000;
const PAGE_EVENTS = 5_000;
const SAMPLE_EVERY_MS = 50;

export async function benchExport(store: FilledStore, report: (line: string) => void): Promise<Figure[]> {
  await using service = await startService({ dataDir: store.dataDir });
  const url = `${service.httpUrl}/v1/events`;
  // The first page brings the caches of the database to where they stay.
  const pagesMs = await timed(() => readPages(url, store.events / 10));
  const before = residentBytes(service.pid);
  let highest = before;
  const sampling = setInterval(() => {
    highest = Math.max(highest, residentBytes(service.pid));
  }, SAMPLE_EVERY_MS);
  let rows = 0;
  const csvMs = await timed(async () => {
    rows = await readLines(url, 'text/csv', 0);
  });
  if (rows !== store.events + 1) throw new Error(`${rows} lines are exported instead of ${store.events + 1}`);
  report(`  ${whole(store.events)} events as CSV in ${whole(csvMs)} ms`);
  await readLines(url, 'application/x-ndjson', STOPPED_MS);
  clearInterval(sampling);
  const growth = (highest - before) / MB;
  return [
    {
      name: `events exported as CSV, of ${whole(store.events)}`,
      measured: `${whole((1000 * store.events) / csvMs)}/s`,
      peer: `pages of JSON ${whole((100 * store.events) / pagesMs)}/s`,
      target: '-',
      reached: true,
    },
    {
      name: 'memory that exports add, one of them with a reader that stops for 5 s',
      measured: `${growth.toFixed(0)} MB`,
      peer: `${(before / MB).toFixed(0)} MB before`,
      target: `< ${GROWTH_MB_MAX} MB`,
      reached: growth < GROWTH_MB_MAX,
    },
  ];
}

async function timed(work: () => Promise<void>): Promise<number> {
  const beganMs = systemClock.monotonicMs();
  await work();
  return systemClock.monotonicMs() - beganMs;
}

/** Lines of the export, read to its end; after the first bytes the reader stops for `stopMs`. */
async function readLines(url: string, accept: string, stopMs: number): Promise<number> {
  const { body } = await fetch(url, { headers: { accept } });
  let lines = 0;
  let hasStopped = false;
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    for (const byte of chunk) if (byte === 10) lines += 1;
    if (hasStopped) continue;
    hasStopped = true;
    await new Promise((resolve) => setTimeout(resolve, stopMs));
  }
  return lines;
}

async function readPages(url: string, events: number): Promise<void> {
  let cursor = '';
  for (let read = 0; read < events; read += PAGE_EVENTS) {
    const page = (await (await fetch(`${url}?page_size=${PAGE_EVENTS}${cursor}`)).json()) as { next: string };
    cursor = `&cursor=${page.next}`;
  }
}
