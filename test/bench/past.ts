// The past of one space with ten million events in a year: a year day by day, what was known when, why a count is what it is,
// and what events cost that come late.
import { systemClock } from '../../shared/clock.ts';
import type { Building } from '../../shared/commands/building.ts';
import { startService } from '../support/service.ts';
import { type Figure, whole } from './figure.ts';
import { type FilledStore, fillStore } from './filled-store.ts';
import { seededRandom } from './history-of-events.ts';
import { benchLate } from './late.ts';
import { percentile } from './percentile.ts';

const EVENTS = 10_000_000;
const DAYS = 365;
const DOORS = 20;
const DAY_MS = 86_400_000;
const REQUESTS = { series: 60, known: 3_000, explain: 30 };
const EXPLAINED_EVENTS = 10_000;

/** A hall with twenty doors, so that all events are of one space. */
const HALL: Building = {
  parents: new Map([['hall', null]]),
  doors: Array.from({ length: DOORS }, (_, index) => ({ dpuId: `hall-dpu-${index + 1}`, from: null, to: 'hall' })),
};

export async function benchPast(report: (line: string) => void): Promise<Figure[]> {
  report(`  filling a store with ${whole(EVENTS)} events of one space in a year; some two minutes`);
  const store = await fillStore(EVENTS, DAYS, HALL);
  const figures: Figure[] = [];
  {
    await using service = await startService({ dataDir: store.dataDir });
    const url = `${service.httpUrl}/v1/spaces/hall`;
    for (const zone of ['UTC', 'Europe/Berlin', 'Asia/Kolkata'])
      figures.push(await benchSeries(store, url, zone, report));
    figures.push(await benchKnown(store, url, report), await benchExplain(store, service.httpUrl, report));
  }
  return [...figures, ...(await benchLate(store, report))];
}

async function benchSeries(
  store: FilledStore,
  url: string,
  zone: string,
  report: (line: string) => void,
): Promise<Figure> {
  await call(url, { time_zone: zone, effective_from: new Date(store.firstMs - 2 * DAY_MS).toISOString() }, 'PATCH');
  const range = `start_time=${instant(store.firstMs)}&end_time=${instant(store.untilMs)}&interval=1d`;
  const latencies = await timed(REQUESTS.series, () => call(`${url}/counts?${range}`));
  const [p50, p99] = [percentile(latencies, 50), percentile(latencies, 99)];
  report(`  a year of days in ${zone}: p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`);
  return {
    name: `a year's daily series over HTTP, ${zone}, p50`,
    measured: `${p50.toFixed(1)} ms`,
    peer: '-',
    target: '<= 20 ms',
    reached: p50 <= 20,
  };
}

async function benchKnown(store: FilledStore, url: string, report: (line: string) => void): Promise<Figure> {
  const random = seededRandom(3);
  const moments = Array.from({ length: REQUESTS.known }, () => {
    const knownAtMs = store.untilMs - Math.floor(random() * 30 * DAY_MS);
    // Some of yesterday, as on Monday one asks about Friday, some of long ago.
    const atMs = knownAtMs - Math.floor(random() ** 4 * 300 * DAY_MS);
    return `at=${instant(atMs)}&known_at=${instant(knownAtMs)}`;
  });
  const latencies = await timed(REQUESTS.known, (index) => call(`${url}/count?${moments[index]}`));
  const [p50, p99] = [percentile(latencies, 50), percentile(latencies, 99)];
  report(`  known_at: p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`);
  return {
    name: 'count at T as known in the last 30 days, p99',
    measured: `${p99.toFixed(1)} ms`,
    peer: `p50 ${p50.toFixed(1)} ms`,
    target: '<= 10 ms',
    reached: p99 <= 10,
  };
}

async function benchExplain(store: FilledStore, url: string, report: (line: string) => void): Promise<Figure> {
  const dayMs = store.untilMs - 30 * DAY_MS;
  const day = `start_time=${instant(dayMs)}&end_time=${instant(dayMs + DAY_MS)}&page_size=${EXPLAINED_EVENTS / 2}`;
  const first = (await call(`${url}/v1/events?${day}`)) as { next: string };
  const second = (await call(`${url}/v1/events?${day}&cursor=${first.next}`)) as { results: { timestamp: string }[] };
  await call(`${url}/v1/spaces/hall/resets`, { at: instant(dayMs - 1), count: 0 }, 'POST');
  const path = `${url}/v1/spaces/hall/count/explain?at=${second.results.at(-1)?.timestamp}`;
  const { events } = (await call(path)) as { events: { total: number } };
  const latencies = await timed(REQUESTS.explain, () => call(path));
  const [p50, p99] = [percentile(latencies, 50), percentile(latencies, 99)];
  report(`  explaining ${whole(events.total)} events: p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`);
  return {
    name: `explain of ${whole(events.total)} events of a day, p50`,
    measured: `${p50.toFixed(1)} ms`,
    peer: '-',
    target: '<= 100 ms',
    reached: p50 <= 100,
  };
}

/** Of each request after a tenth to warm up, ms. */
async function timed(requests: number, work: (index: number) => Promise<unknown>): Promise<number[]> {
  const latencies: number[] = [];
  for (let index = 0; index < requests; index++) {
    const beganMs = systemClock.monotonicMs();
    await work(index);
    latencies.push(systemClock.monotonicMs() - beganMs);
  }
  return latencies.slice(requests / 10);
}

async function call(url: string, body?: object, method = 'GET'): Promise<unknown> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(url, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status} ${text}`);
  return JSON.parse(text);
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
