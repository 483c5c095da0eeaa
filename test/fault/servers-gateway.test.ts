// Two broker processes share what a mosquitto delivers; they and Redis are killed in turn while a fleet publishes to it:
// what it was given arrives, nothing counts twice.
//
//   FOOTFALL_FAULT_SERVER_KILLS  how often each      FOOTFALL_FAULT_SEED  the seed of a run to replay
import { describe, expect, test, vi } from 'vitest';
import { Fleet, faultsOf, fleetFloorplan } from '../support/fleet.ts';
import { startServers } from '../support/fleet-of-services.ts';
import { type Client, httpClient } from '../support/http.ts';
import { sampleOf, scrape } from '../support/metrics.ts';
import { startMosquitto, whyNoMosquitto } from '../support/mosquitto.ts';
import type { Service } from '../support/service.ts';
import { setting } from '../support/setting.ts';
import { runSeed, seededRandom } from './seed.ts';

const missing = whyNoMosquitto();
if (missing !== null) process.stderr.write(`skipped: ${missing}\n`);

const KILLS = setting('FOOTFALL_FAULT_SERVER_KILLS', 2);
const DPUS = 20;
const REST_MS = 50;
const LOAD_MS_MAX = 300;
const PATIENCE = { timeout: 60_000, interval: 50 };

describe.skipIf(missing !== null)('the gateway of broker processes', () => {
  test(`each of them and Redis killed ${KILLS} times`, { timeout: 120_000 + KILLS * 60_000 }, async () => {
    const seed = runSeed();
    const random = seededRandom(seed, 14);
    const fleet = new Fleet(seed, DPUS, REST_MS);
    await using mosquitto = await startMosquitto();
    await using servers = await startServers();
    const { redis, start } = servers;
    const consumer = (id: string) =>
      start('broker', {
        FOOTFALL_GATEWAY_URL: mosquitto.url,
        FOOTFALL_GATEWAY_CLIENT_ID: id,
        FOOTFALL_METRICS_PORT: '0',
      });
    const brokers = [await consumer('one'), await consumer('two')];
    const [api] = [await start('api'), await start('processor')];
    const client = httpClient(api.httpUrl);
    await client.put('/v1/floorplan', fleetFloorplan(DPUS));
    for (const broker of brokers) await vi.waitFor(async () => expect(await isConsuming(broker)).toBe(1), PATIENCE);
    await fleet.stayConnected(mosquitto.port);
    const victims = [...brokers, redis].map((victim) => ({
      kill: () => victim.kill(),
      start: () => ('restart' in victim ? victim.restart() : victim.start()),
    }));
    for (let round = 0; round < KILLS; round++) {
      for (const victim of victims) {
        const before = await vi.waitFor(() => storedTotal(client), PATIENCE);
        await vi.waitFor(async () => expect(await storedTotal(client)).toBeGreaterThan(before), PATIENCE);
        const moment = AbortSignal.timeout(random.below(LOAD_MS_MAX));
        await new Promise((resolve) => moment.addEventListener('abort', resolve));
        await victim.kill();
        await victim.start();
      }
    }
    await fleet.finish();
    await vi.waitFor(async () => expect(await storedTotal(client)).toBe(fleet.sent.size), PATIENCE);
    const shares = await Promise.all(brokers.map(acknowledgedBy));
    process.stdout.write(
      `kill -9 behind a mosquitto: 3 x ${KILLS} times, ${fleet.sent.size} events, ${shares.join(' and ')} messages since the last\n`,
    );
    expect(Math.min(...shares)).toBeGreaterThan(0);
    expect(await faultsOf(fleet, client), `seed ${seed}`).toEqual([]);
  });
});

async function isConsuming(broker: Service): Promise<number | undefined> {
  return sampleOf(await scrape(broker), 'footfall_gateway_connected');
}

async function acknowledgedBy(broker: Service): Promise<number> {
  return sampleOf(await scrape(broker), 'footfall_gateway_acknowledged_total') ?? 0;
}

/** Throws while it cannot be told. */
async function storedTotal(client: Client): Promise<number> {
  return (await client.get('/v1/events?page_size=1&start_time=2026-01-01T00:00:00Z')).total;
}
