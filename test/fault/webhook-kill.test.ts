// kill -9 of the whole service at random moments while it delivers to a receiver that fails every so often: every change is
// told once or more, in order, and the counts that were told last are those of the service.
//
//   FOOTFALL_FAULT_WEBHOOK_KILLS  how often      FOOTFALL_FAULT_SEED  the seed of a run to replay
import { expect, test, vi } from 'vitest';
import { Fleet, fleetFloorplan } from '../support/fleet.ts';
import { httpClient } from '../support/http.ts';
import { type Behaviour, startReceiver } from '../support/receiver.ts';
import { startService } from '../support/service.ts';
import { setting } from '../support/setting.ts';
import { faultsOfTold } from '../support/told.ts';
import { runSeed, seededRandom } from './seed.ts';

const KILLS = setting('FOOTFALL_FAULT_WEBHOOK_KILLS', 5);
const CLIENTS = 6;
/** Of each client after an acknowledgement. */
const REST_MS = 50;
/** The kill comes at most so long after messages arrive again. */
const LOAD_MS_MAX = 600;
const RECOVERY = { timeout: 60_000, interval: 50 };

test(`${KILLS} kills during deliveries`, { timeout: 120_000 + KILLS * 30_000 }, async () => {
  const seed = runSeed();
  const random = seededRandom(seed, 7);
  await using receiver = await startReceiver();
  const bad: readonly Behaviour[] = ['fail', 'redirect', 'reset'];
  let isArmed = false;
  await using service = await startService({ environment: { FOOTFALL_WEBHOOK_NETWORKS: '127.0.0.0/8' } });
  receiver.behave = () => {
    // Before it can know that its message has arrived.
    if (isArmed) process.kill(service.pid, 'SIGKILL');
    isArmed = false;
    return random.chance(0.1) ? random.pick(bad) : 'take';
  };
  const client = httpClient(service.httpUrl);
  await client.put('/v1/floorplan', fleetFloorplan(CLIENTS));
  const { secret } = await client.post('/v1/webhooks', { url: receiver.url, types: ['change', 'count'] });
  receiver.secrets = [secret];
  const fleet = new Fleet(seed, CLIENTS, REST_MS);
  for (let kill = 0; kill < KILLS; kill++) {
    const before = receiver.taken.length;
    await fleet.connect(service.mqttPort);
    await vi.waitFor(() => expect(receiver.taken.length).toBeGreaterThan(before), RECOVERY);
    if (kill % 2 === 0) {
      const moment = AbortSignal.timeout(random.below(LOAD_MS_MAX));
      await new Promise((resolve) => moment.addEventListener('abort', resolve));
      await service.kill('SIGKILL');
    } else {
      isArmed = true;
      await service.exited;
    }
    await service.restart();
  }
  await fleet.connect(service.mqttPort);
  await fleet.finish();
  await vi.waitFor(async () => expect(await faultsOfTold(receiver, client), `seed ${seed}`).toEqual([]), RECOVERY);
  const held = () =>
    Object.fromEntries(
      receiver
        .ofType('count')
        .flatMap(({ data }) =>
          data.results.map((one: { space_id: string; count: number }) => [one.space_id, one.count]),
        ),
    );
  const { results } = await client.get('/v1/spaces/counts');
  const counts = results.map((one: { space_id: string; count: number }) => [one.space_id, one.count]);
  await vi.waitFor(() => expect(held(), `seed ${seed}`).toEqual(Object.fromEntries(counts)), RECOVERY);
  // What had arrived when the service was killed comes with the id that it had.
  const again = receiver.taken.length - new Set(receiver.taken.map(({ id }) => id)).size;
  expect(again, `seed ${seed}`).toBeGreaterThan(0);
  process.stdout.write(`kill -9: ${KILLS} times, ${receiver.taken.length} messages taken, ${again} of them again\n`);
});
