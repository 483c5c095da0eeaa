// kill -9 of the whole service at random moments while a fleet publishes: nothing acknowledged is lost, nothing counts twice.
//
//   FOOTFALL_FAULT_KILLS  how often      FOOTFALL_FAULT_SEED  the seed of a run to replay
import { expect, test, vi } from 'vitest';
import { Fleet, faultsOf, fleetFloorplan } from '../support/fleet.ts';
import { httpClient } from '../support/http.ts';
import { startService } from '../support/service.ts';
import { setting } from '../support/setting.ts';
import { runSeed, seededRandom } from './seed.ts';

const KILLS = setting('FOOTFALL_FAULT_KILLS', 10);
const CLIENTS = 50;
/** The kill comes at most so long after the fleet is under way. */
const LOAD_MS_MAX = 300;

test(`${KILLS} kills under load from ${CLIENTS} clients`, { timeout: 60_000 + KILLS * 10_000 }, async () => {
  const seed = runSeed();
  const random = seededRandom(seed, 1);
  const fleet = new Fleet(seed, CLIENTS);
  await using service = await startService();
  await httpClient(service.httpUrl).put('/v1/floorplan', fleetFloorplan(CLIENTS));
  for (let kill = 0; kill < KILLS; kill++) {
    const before = fleet.acknowledged;
    await fleet.connect(service.mqttPort);
    await vi.waitFor(() => expect(fleet.acknowledged).toBeGreaterThan(before), { timeout: 10_000, interval: 1 });
    const moment = AbortSignal.timeout(random.below(LOAD_MS_MAX));
    await new Promise((resolve) => moment.addEventListener('abort', resolve));
    await service.kill('SIGKILL');
    await service.restart();
  }
  await fleet.connect(service.mqttPort);
  await fleet.finish();
  const client = httpClient(service.httpUrl);
  await vi.waitFor(
    async () =>
      expect((await client.get('/v1/events?page_size=1&start_time=2026-01-01T00:00:00Z')).total).toBe(fleet.sent.size),
    {
      timeout: 20_000,
      interval: 100,
    },
  );
  process.stdout.write(
    `kill -9: ${KILLS} times, ${fleet.acknowledged} messages acknowledged, ${fleet.sent.size} events\n`,
  );
  expect(await faultsOf(fleet, client), `seed ${seed}`).toEqual([]);
});
