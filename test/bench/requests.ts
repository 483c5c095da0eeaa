// Requests a second: counts of now and at any moment beside a handler of the same server that does nothing, with ten million events.
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { startService } from '../support/service.ts';
import { type Figure, median, whole } from './figure.ts';
import type { FilledStore } from './filled-store.ts';
import { seededRandom } from './history-of-events.ts';
import { cpuMs } from './process-usage.ts';
import type { RequestsJob, RequestsResult } from './requests-generator.ts';

const CONNECTIONS = 100;
const SECONDS = 5;
/** In turn, so that whatever else the machine does happens to all. */
const ROUNDS = 3;
const PATHS = 2_000;
const AT_PER_SECOND = 3_000;
const LIVE_RATIO = 0.7;

type Measured = { readonly perSecond: number; readonly cores: number };

export async function benchRequests(store: FilledStore, report: (line: string) => void): Promise<Figure[]> {
  await using service = await startService({ dataDir: store.dataDir });
  const random = seededRandom(4);
  const spaces = [...store.building.parents.keys()];
  const space = () => spaces[Math.floor(random() * spaces.length)];
  const at = () => new Date(store.firstMs + Math.floor(random() * (store.untilMs - store.firstMs))).toISOString();
  const paths = {
    empty: ['/healthz'],
    live: Array.from({ length: PATHS }, () => `/v1/spaces/${space()}/count`),
    at: Array.from({ length: PATHS }, () => `/v1/spaces/${space()}/count?at=${at()}`),
  };
  const ask = async (wanted: readonly string[], seconds = SECONDS): Promise<Measured> => {
    const beforeMs = cpuMs(service.pid);
    const { perSecond } = await run({ url: service.httpUrl, paths: wanted, connections: CONNECTIONS, seconds });
    return { perSecond, cores: (cpuMs(service.pid) - beforeMs) / (seconds * 1000) };
  };
  for (const wanted of Object.values(paths)) await ask(wanted, 2);
  const rounds: Record<keyof typeof paths, Measured>[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ empty: await ask(paths.empty), live: await ask(paths.live), at: await ask(paths.at) });
  }
  const of = (kind: keyof typeof paths, what: keyof Measured) => median(rounds.map((round) => round[kind][what]));
  for (const kind of ['empty', 'live', 'at'] as const) {
    report(
      `  ${kind}: ${whole(of(kind, 'perSecond'))} requests/s, ${of(kind, 'cores').toFixed(2)} cores of the service`,
    );
  }
  const ratio = median(rounds.map(({ live, empty }) => live.perSecond / empty.perSecond));
  const perCore = median(rounds.map((round) => round.at.perSecond / Math.max(1, round.at.cores)));
  return [
    {
      name: 'count of now over HTTP, beside an empty handler of the same server',
      measured: `${whole(of('live', 'perSecond'))}/s, ratio ${ratio.toFixed(2)}`,
      peer: `${whole(of('empty', 'perSecond'))}/s`,
      target: `ratio >= ${LIVE_RATIO}`,
      reached: ratio >= LIVE_RATIO,
    },
    {
      name: 'count at T over HTTP, 10 million events, on one core',
      measured: `${whole(perCore)}/s`,
      peer: `${whole(of('empty', 'perSecond'))}/s`,
      target: `>= ${whole(AT_PER_SECOND)}/s`,
      reached: perCore >= AT_PER_SECOND,
    },
  ];
}

function run(job: RequestsJob): Promise<RequestsResult> {
  return new Promise((resolve, reject) => {
    const child = fork(join(import.meta.dirname, 'requests-generator.ts'), [JSON.stringify(job)]);
    child.once('message', (result: RequestsResult) => resolve(result));
    child.once('exit', (code) => reject(new Error(`the generator of requests ended with ${code}`)));
  });
}
