// GET count at a random moment, over HTTP: ten million events in the store beside one million, asked in turns.
import { Agent, get } from 'node:http';
import { build, type Histogram } from 'hdr-histogram-js';
import { systemClock } from '../../shared/clock.ts';
import { startService } from '../support/service.ts';
import { type Figure, whole } from './figure.ts';
import type { FilledStore } from './filled-store.ts';
import { seededRandom } from './history-of-events.ts';

const WARM_UP_REQUESTS = 3_000;
const REQUESTS = 10_000;
/** Asked of one service before it is the other's turn, so that both meet the same noise. */
const REQUESTS_PER_TURN = 250;

type Asked = {
  readonly store: FilledStore;
  readonly httpPort: number;
  readonly agent: Agent;
  readonly latenciesUs: Histogram;
};

export async function benchCountAt(
  small: FilledStore,
  large: FilledStore,
  report: (line: string) => void,
): Promise<Figure[]> {
  await using smallService = await startService({ dataDir: small.dataDir });
  await using largeService = await startService({ dataDir: large.dataDir });
  const random = seededRandom(2);
  const sides = [asking(small, smallService.httpPort), asking(large, largeService.httpPort)] as const;
  for (const side of sides) await ask(side, WARM_UP_REQUESTS, random);
  for (const side of sides) side.latenciesUs.reset();
  for (let asked = 0; asked < REQUESTS; asked += REQUESTS_PER_TURN) {
    for (const side of sides) await ask(side, REQUESTS_PER_TURN, random);
  }
  for (const { store, latenciesUs, agent } of sides) {
    const at = (percentile: number) => (latenciesUs.getValueAtPercentile(percentile) / 1000).toFixed(2);
    report(`  ${whole(store.events)} events: p50 ${at(50)} ms, p99 ${at(99)} ms, p99.9 ${at(99.9)} ms`);
    agent.destroy();
  }
  const [smallMs, largeMs] = sides.map((side) => side.latenciesUs.getValueAtPercentile(99) / 1000) as [number, number];
  const ratio = largeMs / smallMs;
  return [
    {
      name: 'count at T over HTTP, 10 million events, p99',
      measured: `${largeMs.toFixed(2)} ms`,
      peer: `1 million events ${smallMs.toFixed(2)} ms`,
      target: '<= 2 ms',
      reached: largeMs <= 2,
    },
    {
      name: '  beside 1 million events',
      measured: `ratio ${ratio.toFixed(2)}`,
      peer: 'the same, a tenth of the days',
      target: '<= 1.3',
      reached: ratio <= 1.3,
    },
  ];
}

function asking(store: FilledStore, httpPort: number): Asked {
  const latenciesUs = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });
  return { store, httpPort, agent: new Agent({ keepAlive: true, maxSockets: 1 }), latenciesUs };
}

/** One request after the other, of any space at any moment. */
async function ask(
  { store, httpPort, agent, latenciesUs }: Asked,
  requests: number,
  random: () => number,
): Promise<void> {
  const spaces = [...store.building.parents.keys()];
  for (let request = 0; request < requests; request++) {
    const space = spaces[Math.floor(random() * spaces.length)];
    const at = new Date(store.firstMs + Math.floor(random() * (store.untilMs - store.firstMs))).toISOString();
    const beganMs = systemClock.monotonicMs();
    await answered(`http://127.0.0.1:${httpPort}/v1/spaces/${space}/count?at=${at}`, agent);
    latenciesUs.recordValue(Math.round((systemClock.monotonicMs() - beganMs) * 1000));
  }
}

function answered(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url} answered ${response.statusCode}`));
      response.on('end', resolve).resume();
    });
    request.on('error', reject);
  });
}
