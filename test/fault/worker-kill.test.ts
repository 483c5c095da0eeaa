// kill -9 of broker workers at random moments while a fleet publishes: nothing acknowledged is lost, nothing counts twice.
//
//   FOOTFALL_FAULT_WORKER_KILLS  how often      FOOTFALL_FAULT_SEED  the seed of a run to replay
import { expect, test, vi } from 'vitest';
import { Fleet, faultsOf, fleetFloorplan } from '../support/fleet.ts';
import { httpClient } from '../support/http.ts';
import { startService } from '../support/service.ts';
import { setting } from '../support/setting.ts';
import { killWorker, workersOf } from '../support/workers.ts';
import { runSeed, seededRandom } from './seed.ts';

const KILLS = setting('FOOTFALL_FAULT_WORKER_KILLS', 5);
const WORKERS = 3;
const CLIENTS = 50;
/** The kill comes at most so long after the fleet is under way. */
const LOAD_MS_MAX = 300;

test(`${KILLS} kills of workers under load from ${CLIENTS} clients`, {
  timeout: 60_000 + KILLS * 10_000,
}, async () => {
  const seed = runSeed();
  const random = seededRandom(seed, 5);
  const fleet = new Fleet(seed, CLIENTS);
  await using service = await startService({ environment: { FOOTFALL_BROKER_WORKERS: String(WORKERS) } });
  const client = httpClient(service.httpUrl);
  await client.put('/v1/floorplan', fleetFloorplan(CLIENTS));
  await fleet.stayConnected(service.mqttPort);
  for (let kill = 0; kill < KILLS; kill++) {
    const before = fleet.acknowledged;
    await vi.waitFor(() => expect(fleet.acknowledged).toBeGreaterThan(before), { timeout: 30_000, interval: 1 });
    const moment = AbortSignal.timeout(random.below(LOAD_MS_MAX));
    await new Promise((resolve) => moment.addEventListener('abort', resolve));
    const workers = workersOf(service);
    await killWorker(service, workers[random.below(workers.length)] as number);
  }
  await fleet.finish();
  await vi.waitFor(
    async () =>
      expect((await client.get('/v1/events?page_size=1&start_time=2026-01-01T00:00:00Z')).total).toBe(fleet.sent.size),
    { timeout: 20_000, interval: 100 },
  );
  process.stdout.write(
    `kill -9 of workers: ${KILLS} times, ${fleet.acknowledged} messages acknowledged, ${fleet.sent.size} events\n`,
  );
  expect(await faultsOf(fleet, client), `seed ${seed}`).toEqual([]);
});
