// `npm run bench [-- name…]`: measures the figures that the service is held to, and prints them as a table.
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { benchArrays } from './arrays.ts';
import { benchBroker } from './broker.ts';
import { benchConnections } from './connections.ts';
import { benchCountAt } from './count-at.ts';
import { probeFdatasync } from './disk-probe.ts';
import { benchExport } from './export.ts';
import { type Figure, formatFigures, whole } from './figure.ts';
import { type FilledStore, fillStore } from './filled-store.ts';
import { benchFootprint } from './footprint.ts';
import { benchGateway } from './gateway.ts';
import { benchInfluxRedis } from './influx-redis.ts';
import { benchLate } from './late.ts';
import { benchLive } from './live.ts';
import { benchPage } from './page.ts';
import { benchPast } from './past.ts';
import { benchPublish } from './publish.ts';
import { benchRecount } from './recount.ts';
import { benchRequests } from './requests.ts';

const SMALL = { events: 1_000_000, days: 6 };
const LARGE = { events: 10_000_000, days: 60 };

type Report = (line: string) => void;

const report: Report = (line) => void process.stdout.write(`${line}\n`);

/** Filled once, for all benches that need it. */
let large: Promise<FilledStore> | undefined;

function largeStore(): Promise<FilledStore> {
  report(`  filling a store with ${whole(LARGE.events)} events; about a minute`);
  large ??= fillStore(LARGE.events, LARGE.days);
  return large;
}

const BENCHES: Record<string, () => Promise<Figure[]>> = {
  broker: () => benchBroker(report),
  connections: () => benchConnections(report),
  gateway: () => benchGateway(report),
  publish: () => benchPublish(report),
  arrays: () => benchArrays(report),
  'count-at': async () => benchCountAt(await fillStore(SMALL.events, SMALL.days), await largeStore(), report),
  'influx-redis': () => benchInfluxRedis(report),
  page: () => benchPage(report),
  live: () => benchLive(report),
  past: () => benchPast(report),
  late: async () => benchLate(await largeStore(), report),
  requests: async () => benchRequests(await largeStore(), report),
  recount: async () => benchRecount(await largeStore(), report),
  export: async () => benchExport(await fillStore(SMALL.events, SMALL.days), report),
  footprint: async () => benchFootprint(await largeStore(), report),
};

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => BENCHES[name] === undefined);
  if (unknown.length > 0) {
    process.stderr.write(`no bench ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}\n`);
    return 2;
  }
  const figures: Figure[] = [];
  const probes: string[] = [];
  for (const name of names.length > 0 ? names : Object.keys(BENCHES)) {
    const { p50Ms, p99Ms } = probeFdatasync(tmpdir());
    const disk = `fdatasync p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`;
    probes.push(`before ${name}: ${disk}, load average ${loadavg()[0]?.toFixed(1)} on ${availableParallelism()} cores`);
    report(name);
    figures.push(...((await BENCHES[name]?.()) ?? []));
  }
  report(`\n${formatFigures(figures)}\n\n${probes.join('\n')}`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
