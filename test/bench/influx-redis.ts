// The production back-end on this machine, its servers included: journal, publish to queryable, count at T, live count.
import { connect as connectMqtt } from 'mqtt';
import { systemClock } from '../../shared/clock.ts';
import { type Building, generateBuilding } from '../../shared/commands/building.ts';
import { encodeRecords } from '../../shared/journal-entry.ts';
import { JournalWriter } from '../../shared/journal-writer.ts';
import { createLog } from '../../shared/log.ts';
import { openInflux } from '../../shared/storage/influx-redis/influx.ts';
import { openRedisJournal } from '../../shared/storage/influx-redis/journal.ts';
import { RAW_BUCKET } from '../../shared/storage/influx-redis/points.ts';
import { connectRedis } from '../../shared/storage/influx-redis/redis.ts';
import { startRedis } from '../support/servers.ts';
import { startService } from '../support/service.ts';
import { newInfluxRedis } from '../support/storage.ts';
import { importBuilding } from './counts-over-http.ts';
import { type Figure, whole } from './figure.ts';
import { benchFluxCounts } from './flux-counts.ts';
import { runLoad } from './load.ts';
import { percentile } from './percentile.ts';

const CONNECTIONS = 1_000;
const MESSAGES_PER_CONNECTION = 300;
const JOURNAL_EVENTS = 600_000;
const JOURNAL_WAITING = 20_000;
const STEADY_CLIENTS = 100;
const STEADY_PER_SECOND = 2_000;
const STEADY_SECONDS = 10;
const PARTITIONS = 4;

type Report = (line: string) => void;

export async function benchInfluxRedis(report: Report): Promise<Figure[]> {
  return [
    await benchJournal(report),
    await benchSteady(report),
    ...(await benchQueryable(report)),
    ...(await benchFluxCounts(report)),
  ];
}

/** Single events, grouped as they wait, until each is synced. */
async function benchJournal(report: Report): Promise<Figure> {
  await using server = await startRedis();
  const redis = await connectRedis(server.url);
  const journal = openRedisJournal(redis, { partitions: PARTITIONS, clock: systemClock });
  const writer = new JournalWriter(journal, PARTITIONS, systemClock, createLog('warn'));
  const beganMs = systemClock.monotonicMs();
  let appended = 0;
  let stored = 0;
  await new Promise<void>((resolve) => {
    const told = () => {
      stored += 1;
      if (stored === JOURNAL_EVENTS) resolve();
      else if (stored % 1_000 === 0) more();
    };
    const more = () => {
      while (appended - stored < JOURNAL_WAITING && appended < JOURNAL_EVENTS) {
        const dpuId = `dpu-${appended++ % CONNECTIONS}` as never;
        const timestampMs = beganMs + appended;
        const event = { dpuId, timestampMs, direction: 1 as const, epoch: null, seq: null };
        const record = { kind: 'events' as const, dpuId, receivedAtMs: timestampMs, events: [event], replayOf: null };
        writer.append(dpuId, encodeRecords([record]), { stored: told });
      }
    };
    more();
  });
  const rate = (JOURNAL_EVENTS * 1000) / (systemClock.monotonicMs() - beganMs);
  report(`  journal: ${whole(rate)} events/s durable`);
  await journal.close();
  redis.disconnect();
  return {
    name: 'journal on Redis, appendfsync always: durable events',
    measured: `${whole(rate)}/s`,
    peer: '-',
    target: '>= 60,000/s',
    reached: rate >= 60_000,
  };
}

/** PUBACKs at a steady rate, everything behind them running. */
async function benchSteady(report: Report): Promise<Figure> {
  await using service = await startService({ environment: await newInfluxRedis() });
  const building = generateBuilding(STEADY_CLIENTS, 'bench');
  await importBuilding(service.httpUrl, building);
  const clients = await Promise.all(
    building.doors.map(
      ({ dpuId }) =>
        new Promise<{ dpuId: string; client: ReturnType<typeof connectMqtt> }>((resolve, reject) => {
          const client = connectMqtt(service.mqttUrl, { clientId: dpuId, protocolVersion: 4 });
          client.once('connect', () => resolve({ dpuId, client }));
          client.once('error', reject);
        }),
    ),
  );
  const latencies: number[] = [];
  const everyMs = (STEADY_CLIENTS * 1000) / STEADY_PER_SECOND;
  const untilMs = systemClock.monotonicMs() + STEADY_SECONDS * 1000;
  const publish = ({ dpuId, client }: (typeof clients)[number]) =>
    new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const sentMs = systemClock.monotonicMs();
        if (sentMs > untilMs) {
          clearInterval(timer);
          client.end(true, () => resolve());
          return;
        }
        const payload = `{"timestamp":${systemClock.nowMs()},"direction":1}`;
        client.publish(`dpu/${dpuId}/events`, payload, { qos: 1 }, () =>
          latencies.push(systemClock.monotonicMs() - sentMs),
        );
      }, everyMs);
    });
  await Promise.all(clients.map(publish));
  const [p50, p99] = [percentile(latencies, 50), percentile(latencies, 99)];
  report(
    `  steady: ${whole(latencies.length / STEADY_SECONDS)} publishes/s, PUBACK p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`,
  );
  return {
    name: `PUBACK at ${whole(STEADY_PER_SECOND)} publishes/s, p99`,
    measured: `${p99.toFixed(1)} ms`,
    peer: '-',
    target: '< 20 ms',
    reached: p99 < 20,
  };
}

/** Single events over MQTT until InfluxDB answers with all of them, beside a writer that writes the same points and nothing else. */
async function benchQueryable(report: Report): Promise<Figure[]> {
  const environment = await newInfluxRedis();
  const { INFLUX_URL: url = '', INFLUX_TOKEN: token = '', INFLUX_ORG: org = '' } = environment;
  const building = generateBuilding(CONNECTIONS, 'bench');
  const events = CONNECTIONS * MESSAGES_PER_CONNECTION;
  let rate = 0;
  {
    await using service = await startService({ environment });
    await importBuilding(service.httpUrl, building);
    let beganMs = 0;
    await runLoad(
      {
        port: service.mqttPort,
        dpuIds: building.doors.map((door) => door.dpuId),
        messagesPerConnection: MESSAGES_PER_CONNECTION,
        warmUpPerConnection: 0,
        eventsPerMessage: 1,
        inFlightPerConnection: 4,
        backlog: null,
      },
      () => {
        beganMs = systemClock.monotonicMs();
      },
    );
    const influx = openInflux({ url, token, org });
    const count = `from(bucket: "${RAW_BUCKET}") |> range(start: 0) |> filter(fn: (r) => r._measurement == "dpu_event" and r._field == "direction") |> group() |> count()`;
    for (let found = 0; found < events; ) {
      const rows = await influx.query(count);
      found = Number(rows[0]?.['_value'] ?? 0);
    }
    rate = (events * 1000) / (systemClock.monotonicMs() - beganMs);
    await influx.close();
  }
  const bare = await bareWriter(building, events);
  report(`  queryable: ${whole(rate)} events/s; a bare writer of the same points ${whole(bare)} events/s`);
  return [
    {
      name: 'single events over MQTT until queryable in InfluxDB',
      measured: `${whole(rate)}/s`,
      peer: '-',
      target: '>= 15,000/s',
      reached: rate >= 15_000,
    },
    {
      name: '  beside a writer of the same points as lines',
      measured: `ratio ${(rate / bare).toFixed(2)}`,
      peer: `${whole(bare)} events/s`,
      target: 'ratio >= 0.5',
      reached: rate / bare >= 0.5,
    },
  ];
}

/** Events a second of a program that only writes: for each event its point, and one for each space that it changes. */
async function bareWriter(building: Building, events: number): Promise<number> {
  const { INFLUX_URL: url = '', INFLUX_TOKEN: token = '', INFLUX_ORG: org = '' } = await newInfluxRedis();
  const influx = openInflux({ url, token, org });
  await influx.ensureBuckets();
  const baseMs = systemClock.nowMs() - events;
  const beganMs = systemClock.monotonicMs();
  for (let at = 0; at < events; at += 5_000) {
    const lines: string[] = [];
    for (let index = at; index < Math.min(at + 5_000, events); index++) {
      const number = index % building.doors.length;
      const ms = baseMs + index;
      const event = `dpu_event,dpu=d${number},partition=0 direction=1i,received_at=${ms}i,recorded_at=${ms}i,position=${ms}i ${ms}000000`;
      lines.push(
        event,
        `space_delta,partition=0,space=s${number % 16} dpu=${number}i,value=1i ${ms}${String(number).padStart(6, '0')}`,
      );
      lines.push(`space_delta,partition=0,space=all dpu=${number}i,value=1i ${ms}${String(number).padStart(6, '0')}`);
    }
    await influx.write(RAW_BUCKET, lines);
  }
  const rate = (events * 1000) / (systemClock.monotonicMs() - beganMs);
  await influx.close();
  return rate;
}
