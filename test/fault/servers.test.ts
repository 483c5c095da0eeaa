// Services and servers are killed in turn while a fleet publishes: nothing acknowledged is lost, nothing counts twice.
//
//   FOOTFALL_FAULT_SERVER_KILLS  how often each      FOOTFALL_FAULT_SEED  the seed of a run to replay
import { expect, test, vi } from 'vitest';
import { Fleet, faultsOf, fleetFloorplan } from '../support/fleet.ts';
import { startServers } from '../support/fleet-of-services.ts';
import { type Client, httpClient } from '../support/http.ts';
import { setting } from '../support/setting.ts';
import { runSeed, seededRandom } from './seed.ts';

const KILLS = setting('FOOTFALL_FAULT_SERVER_KILLS', 2);
const CLIENTS = 50;
/** Of each DPU between two messages: enough load for a kill to meet something, little enough to be compared in the end. */
const REST_MS = 50;
/** The kill comes at most so long after the fleet is under way. */
const LOAD_MS_MAX = 300;
/** What a restarted server needs, and the partitions of a killed owner. */
const RECOVERY_TIMEOUT_MS = 60_000;

const stored = async (client: Client): Promise<number> =>
  (await client.call('GET', '/v1/events?page_size=1&start_time=2026-01-01T00:00:00Z')).body.total;

test(`broker, processor, Redis and InfluxDB killed ${KILLS} times each`, {
  timeout: 120_000 + KILLS * 60_000,
}, async () => {
  const seed = runSeed();
  const random = seededRandom(seed, 4);
  await using servers = await startServers();
  const { redis, influx, start } = servers;
  const [broker, processor] = [await start('broker'), await start('processor')];
  const [api] = [await start('api'), await start('processor'), await start('broker')];
  const client = httpClient(api.httpUrl);
  await client.put('/v1/floorplan', fleetFloorplan(CLIENTS));
  await vi.waitFor(async () => expect((await client.call('GET', '/readyz')).status).toBe(200), { timeout: 20_000 });
  const fleet = new Fleet(seed, CLIENTS, REST_MS);
  const victims = [broker, processor, redis, influx].map((victim) => ({
    kill: () => victim.kill(),
    start: () => ('restart' in victim ? victim.restart() : victim.start()),
  }));
  for (let round = 0; round < KILLS; round++) {
    for (const victim of victims) {
      const before = fleet.acknowledged;
      await fleet.connect(broker.mqttPort);
      await vi.waitFor(() => expect(fleet.acknowledged).toBeGreaterThan(before), {
        timeout: RECOVERY_TIMEOUT_MS,
        interval: 5,
      });
      const moment = AbortSignal.timeout(random.below(LOAD_MS_MAX));
      await new Promise((resolve) => moment.addEventListener('abort', resolve));
      await victim.kill();
      await victim.start();
    }
  }
  await fleet.connect(broker.mqttPort);
  await fleet.finish();
  await vi.waitFor(async () => expect(await stored(client)).toBe(fleet.sent.size), {
    timeout: RECOVERY_TIMEOUT_MS,
    interval: 100,
  });
  process.stdout.write(
    `kill -9: 4 x ${KILLS} times, ${fleet.acknowledged} messages acknowledged, ${fleet.sent.size} events\n`,
  );
  expect(await faultsOf(fleet, client), `seed ${seed}`).toEqual([]);
});
