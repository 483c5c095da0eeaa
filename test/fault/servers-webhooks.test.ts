// Several API processes on one Redis: one of them delivers to webhooks. When it is killed, or Redis is, the next goes on.
import { expect, test, vi } from 'vitest';
import { Fleet, fleetFloorplan } from '../support/fleet.ts';
import { startServers } from '../support/fleet-of-services.ts';
import { httpClient } from '../support/http.ts';
import { startReceiver } from '../support/receiver.ts';
import { faultsOfTold } from '../support/told.ts';
import { runSeed } from './seed.ts';

const CLIENTS = 6;
const REST_MS = 50;
const RECOVERY = { timeout: 60_000, interval: 50 };

test('one process delivers, the next goes on after it, and every change is told in order', {
  timeout: 240_000,
}, async () => {
  const seed = runSeed();
  await using receiver = await startReceiver();
  await using servers = await startServers();
  const environment = { FOOTFALL_WEBHOOK_NETWORKS: '127.0.0.0/8' };
  const [broker] = [await servers.start('broker'), await servers.start('processor')];
  const [first, second] = [await servers.start('api', environment), await servers.start('api', environment)];
  const client = httpClient(second.httpUrl);
  await client.put('/v1/floorplan', fleetFloorplan(CLIENTS));
  const { secret } = await client.post('/v1/webhooks', { url: receiver.url, types: ['change'] });
  receiver.secrets = [secret];
  const fleet = new Fleet(seed, CLIENTS, REST_MS);
  const more = async () => {
    const before = receiver.taken.length;
    await fleet.connect(broker.mqttPort);
    await vi.waitFor(() => expect(receiver.taken.length).toBeGreaterThan(before + 5), RECOVERY);
  };
  await more();
  // While nobody fails, nobody sends what another one sends.
  expect(new Set(receiver.taken.map(({ id }) => id)).size).toBe(receiver.taken.length);
  // Both in turn, because either may be the one that delivers.
  for (const api of [first, second]) {
    await api.kill();
    await more();
    await api.restart();
  }
  await servers.redis.kill();
  await servers.redis.start();
  await more();
  await fleet.finish();
  await vi.waitFor(async () => expect(await faultsOfTold(receiver, client), `seed ${seed}`).toEqual([]), RECOVERY);
});
