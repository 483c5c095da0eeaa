// Services apart see one floor plan: what one of them records holds in the others, also for events that were faster.
import { expect, test, vi } from 'vitest';
import { startServers } from '../support/fleet-of-services.ts';
import { httpClient, untilStored } from '../support/http.ts';
import { mqttPublisher } from '../support/mqtt-publisher.ts';

test('two APIs, two brokers: an event that a broker met before it knew the DPU is counted all the same', async () => {
  await using servers = await startServers();
  const [one, other] = [await servers.start('api'), await servers.start('api')];
  const brokers = [await servers.start('broker'), await servers.start('broker')];
  await servers.start('processor');
  await servers.start('processor');
  const client = httpClient(one.httpUrl);
  await client.put('/v1/floorplan', { spaces: [{ id: 'A' }], doorways: [{ id: 'X', a: 'A', b: null }] });
  const publish = await Promise.all(brokers.map((broker) => mqttPublisher(broker.mqttUrl, '423')));
  // Published while the DPU is made: some are met by a broker that has not heard of it.
  const making = client.post('/v1/dpus', { id: '423' });
  const base = Date.now() - 60_000;
  const sent = publish.flatMap((send, broker) =>
    Array.from({ length: 20 }, (_, index) => send({ timestamp: base + index * 2 + broker, direction: 1 })),
  );
  await Promise.all([making, ...sent]);
  await httpClient(other.httpUrl).post('/v1/dpus/423/placements', { doorway_id: 'X', facing: 'a' });
  await untilCounted(other.httpUrl);
  await untilStored(client, 40, '/v1/dpus/423/events?page_size=1');
  expect((await client.post('/v1/verify', {})).equal).toBe(true);
  await Promise.all(publish.map((send) => send.end()));
}, 90_000);

async function untilCounted(url: string): Promise<void> {
  await vi.waitFor(async () => expect((await httpClient(url).get('/v1/spaces/A/count')).count).toBe(40), {
    timeout: 40_000,
    interval: 100,
  });
}
