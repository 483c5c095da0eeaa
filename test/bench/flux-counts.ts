// Count at T over five million deltas of one space, beside a Flux query that asks for nothing; and the live count over HTTP.
import { Atlas } from '../../shared/atlas.ts';
import { systemClock } from '../../shared/clock.ts';
import { readConfig } from '../../shared/config.ts';
import type { SpaceId } from '../../shared/ids.ts';
import type { HistoryReader } from '../../shared/storage/history.ts';
import { connect } from '../../shared/storage/influx-redis/connect.ts';
import { openHistoryReader } from '../../shared/storage/influx-redis/history-reader.ts';
import { DAY_MS, HOUR_MS, Marking } from '../../shared/storage/influx-redis/marking.ts';
import { deltaLine, RAW_BUCKET } from '../../shared/storage/influx-redis/points.ts';
import { Rollups } from '../../shared/storage/influx-redis/rollups.ts';
import { startService } from '../support/service.ts';
import { newInfluxRedis, serversOfTests } from '../support/storage.ts';
import { type Figure, whole } from './figure.ts';
import { percentile } from './percentile.ts';
import { cpuMs } from './process-usage.ts';

const DELTAS = 5_000_000;
const DAYS = 365;
const DPUS = 100;
const QUERIES = 400;
const SPACE = 'A' as SpaceId;
const SERIES = 40;
/** Where local midnight lies: UTC, Berlin in winter, Kolkata. */
const ZONES = [
  ['at 0:00 UTC', 0],
  ['at 23:00 UTC', HOUR_MS],
  ['at 18:30 UTC', 5.5 * HOUR_MS],
] as const;
const QUIET_FOR_MS = 2_000;

export async function benchFluxCounts(report: (line: string) => void): Promise<Figure[]> {
  // Before InfluxDB has anything to compact: it is Redis that answers.
  const live = await liveCount(await newInfluxRedis());
  const environment = await newInfluxRedis();
  const { config } = readConfig({ ...environment, FOOTFALL_PARTITIONS: '1' });
  const { redis, influx, close } = await connect(config);
  const endMs = Math.floor(systemClock.nowMs() / HOUR_MS) * HOUR_MS + 30 * 60_000;
  const startMs = endMs - DAYS * DAY_MS;
  const stepMs = (DAYS * DAY_MS) / DELTAS;
  report(`  writing ${whole(DELTAS)} deltas of a year and their rollups; about two minutes`);
  for (let at = 0; at < DELTAS; at += 50_000) {
    const marking = new Marking(0);
    const lines: string[] = [];
    for (let index = at; index < at + 50_000; index++) {
      const timestampMs = Math.floor(startMs + index * stepMs);
      const delta = { spaceId: SPACE, sign: index % 3 === 0 ? (-1 as const) : (1 as const), weight: 1 as const };
      marking.add(SPACE, timestampMs);
      lines.push(deltaLine({ timestampMs, slot: 0 }, delta, { number: index % DPUS, partition: 0 }));
    }
    await marking.set(redis, 1, 0);
    await influx.write(RAW_BUCKET, lines);
  }
  const ownership = { partition: 0, epoch: 1, lost: new AbortController().signal };
  const rollups = new Rollups({ redis, influx, ownership, live: undefined as never, partitions: 1, changesKept: 1 });
  while (await rollups.makeSome(endMs));
  await untilQuiet((await serversOfTests()).influx.pid);
  const reader = openHistoryReader({ influx, redis, partitions: 1, currentAtlas: async () => new Atlas() });
  const [counts, empty]: [number[], number[]] = [[], []];
  for (let query = 0; query < QUERIES; query++) {
    // In turn, so that whatever else the machine does happens to both.
    const atMs = startMs + ((query * 7919) % QUERIES) * ((endMs - startMs) / QUERIES);
    counts.push(await timed(() => reader.net(SPACE, null, Math.floor(atMs))));
    empty.push(
      await timed(() =>
        influx.query(`from(bucket: "${RAW_BUCKET}") |> range(start: 1970-01-01T00:00:00Z, stop: 1970-01-02T00:00:00Z)`),
      ),
    );
  }
  const series: Figure[] = [];
  for (const [zone, offsetMs] of ZONES)
    series.push(await yearOfDays(reader, zone, Math.floor(endMs / DAY_MS) * DAY_MS - offsetMs, report));
  await close();
  const ratio = percentile(counts, 50) / percentile(empty, 50);
  const p99 = percentile(counts, 99);
  report(
    `  count at T p50 ${percentile(counts, 50).toFixed(1)}, p99 ${p99.toFixed(1)} ms; empty query p50 ${percentile(empty, 50).toFixed(1)} ms`,
  );
  return [
    {
      name: 'count at T, 5 million deltas of a space, p50',
      measured: `${percentile(counts, 50).toFixed(1)} ms, ratio ${ratio.toFixed(2)}`,
      peer: `empty Flux query ${percentile(empty, 50).toFixed(1)} ms`,
      target: 'ratio <= 2.2',
      reached: ratio <= 2.2,
    },
    { name: '  p99', measured: `${p99.toFixed(1)} ms`, peer: '-', target: '<= 40 ms', reached: p99 <= 40 },
    live,
    ...series,
  ];
}

/** A year of days that end at `lastMs`, a local midnight, and whole days before it. */
async function yearOfDays(
  reader: Pick<HistoryReader, 'profiles'>,
  zone: string,
  lastMs: number,
  report: (line: string) => void,
): Promise<Figure> {
  const spans = Array.from({ length: DAYS - 2 }, (_, index) => {
    const fromMs = lastMs - (DAYS - 2 - index) * DAY_MS;
    return { fromMs, untilMs: fromMs + DAY_MS };
  });
  const latencies: number[] = [];
  for (let query = 0; query < SERIES; query++) latencies.push(await timed(() => reader.profiles(SPACE, spans)));
  const [p50, p99] = [percentile(latencies, 50), percentile(latencies, 99)];
  report(`  a year of days, midnight ${zone}: p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`);
  return {
    name: `a year's daily series with minima and maxima, midnight ${zone}, p50`,
    measured: `${p50.toFixed(1)} ms`,
    peer: '-',
    target: '<= 100 ms',
    reached: p50 <= 100,
  };
}

async function liveCount(environment: Record<string, string>): Promise<Figure> {
  await using service = await startService({ environment });
  const headers = { 'content-type': 'application/json' };
  await fetch(`${service.httpUrl}/v1/spaces`, { method: 'POST', headers, body: '{"id":"A"}' });
  const latencies: number[] = [];
  for (let query = 0; query < 5 * QUERIES; query++) {
    latencies.push(
      await timed(async () => {
        const answer = await fetch(`${service.httpUrl}/v1/spaces/A/count`);
        await answer.text();
      }),
    );
  }
  const p99 = percentile(latencies.slice(QUERIES), 99);
  return {
    name: 'live count over HTTP, p99',
    measured: `${p99.toFixed(2)} ms`,
    peer: '-',
    target: '<= 2 ms',
    reached: p99 <= 2,
  };
}

/** Resolves when the process has used little of a core for two seconds: what was written has been compacted. */
async function untilQuiet(pid: number): Promise<void> {
  for (;;) {
    const before = cpuMs(pid);
    await new Promise((resolve) => setTimeout(resolve, QUIET_FOR_MS));
    if (cpuMs(pid) - before < QUIET_FOR_MS / 20) return;
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganMs = systemClock.monotonicMs();
  await work();
  return systemClock.monotonicMs() - beganMs;
}
