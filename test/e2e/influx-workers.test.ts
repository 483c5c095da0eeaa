// Brokers apart, with workers: one client id has one connection in all of them, also after Redis was away.
import { expect, test, vi } from 'vitest';
import { startServers } from '../support/fleet-of-services.ts';
import { httpClient, untilStored } from '../support/http.ts';
import { openWire, publishPacket, type Wire } from '../support/mqtt-wire.ts';
import type { Service } from '../support/service.ts';
import { killWorker, REACH, workersOf } from '../support/workers.ts';

/** A broker finds out that another one is gone in its own time. */
const SOON = { timeout: 20_000, interval: 50 };

async function connected({ mqttPort }: Service, clientId: string): Promise<Wire> {
  const wire = await openWire(mqttPort);
  await wire.connect({ clientId });
  return wire;
}

test('a client id is taken over by any broker from any other, and a worker that dies loses nothing', async () => {
  await using servers = await startServers();
  const alone = await servers.start('broker');
  const several = await servers.start('broker', { FOOTFALL_BROKER_WORKERS: '2' });
  const api = await servers.start('api');
  await servers.start('processor');
  const client = httpClient(api.httpUrl);
  await client.post('/v1/dpus', { id: 'twin' });

  const takeTurns = async () => {
    let before: Wire | null = null;
    for (const broker of [alone, several, several, alone]) {
      const wire = await connected(broker, 'twin');
      await before?.closed();
      await wire.ping();
      before = wire;
    }
    before?.destroy();
  };
  await takeTurns();
  await servers.redis.kill();
  await servers.redis.start();
  await vi.waitFor(takeTurns, { timeout: 30_000, interval: 500 });

  let stored = 0;
  for (const victim of workersOf(several)) {
    for (let connection = 0; connection < REACH; connection++) {
      await vi.waitFor(async () => {
        await using wire = await connected(several, 'twin');
        wire.send(publishPacket('dpu/twin/events', JSON.stringify({ timestamp: 1e12 + stored, direction: 1 }), 1));
        expect(await wire.next()).toMatchObject({ cmd: 'puback' });
      }, SOON);
      stored += 1;
    }
    await killWorker(several, victim);
  }
  await untilStored(client, stored, '/v1/dpus/twin/events?page_size=1');
}, 120_000);
