// A server that is away: what can go on goes on, what cannot says so, and all is right once the server is back.
import { expect, test, vi } from 'vitest';
import { Fleet, faultsOf, fleetFloorplan } from '../support/fleet.ts';
import { startServers } from '../support/fleet-of-services.ts';
import { type Client, httpClient } from '../support/http.ts';
import { setting } from '../support/setting.ts';
import { runSeed } from './seed.ts';

const CLIENTS = 20;
/** How long InfluxDB is away while the fleet publishes. */
const AWAY_MS = setting('FOOTFALL_FAULT_AWAY_MS', 3_000);
const WAIT = { timeout: 60_000, interval: 50 };

const passed = async (ms: number) => {
  const moment = AbortSignal.timeout(ms);
  await new Promise((resolve) => moment.addEventListener('abort', resolve));
};

async function started(away: Awaited<ReturnType<typeof startServers>>) {
  const broker = await away.start('broker');
  const [api, processor] = [await away.start('api'), await away.start('processor')];
  const client = httpClient(api.httpUrl);
  await client.put('/v1/floorplan', fleetFloorplan(CLIENTS));
  const fleet = new Fleet(runSeed(), CLIENTS);
  await fleet.connect(broker.mqttPort);
  await vi.waitFor(() => expect(fleet.acknowledged).toBeGreaterThan(50), WAIT);
  return { broker, api, processor, client, fleet };
}

async function allStored(client: Client, fleet: Fleet): Promise<void> {
  await vi.waitFor(async () => {
    const answer = await client.call('GET', '/v1/events?page_size=1&start_time=2026-01-01T00:00:00Z');
    expect(answer.body.total).toBe(fleet.sent.size);
  }, WAIT);
}

for (const way of ['killed', 'hung'] as const) {
  test(`InfluxDB ${way} under load: acknowledgements and live counts go on, count at T says so`, {
    timeout: 180_000 + AWAY_MS,
  }, async () => {
    await using servers = await startServers();
    const { client, fleet } = await started(servers);
    if (way === 'killed') await servers.influx.kill();
    else servers.influx.pause();
    const before = { acknowledged: fleet.acknowledged, revision: (await client.get('/v1/spaces/site/count')).revision };
    await passed(AWAY_MS);
    expect(fleet.acknowledged).toBeGreaterThan(before.acknowledged + 50);
    expect((await client.get('/v1/spaces/site/count')).revision).toBeGreaterThan(before.revision);
    const past = await client.call('GET', '/v1/spaces/site/count?at=2026-01-15T09:00:00Z');
    expect([past.status, past.body.code]).toEqual([503, 'history_unavailable']);
    expect(Number(past.headers.get('retry-after'))).toBeGreaterThan(0);
    if (way === 'killed') await servers.influx.start();
    else servers.influx.resume();
    await fleet.finish();
    await allStored(client, fleet);
    expect(await faultsOf(fleet, client)).toEqual([]);
  });

  test(`Redis ${way} under load: nothing is acknowledged, nothing grows, all recovers without a restart`, {
    timeout: 180_000,
  }, async () => {
    await using servers = await startServers();
    const { client, fleet, broker, api, processor } = await started(servers);
    if (way === 'killed') await servers.redis.kill();
    else servers.redis.pause();
    await passed(500);
    const before = fleet.acknowledged;
    await passed(2_000);
    expect(fleet.acknowledged).toBe(before);
    expect((await client.call('GET', '/v1/spaces/site/count')).status).toBe(503);
    if (way === 'killed') await servers.redis.start();
    else servers.redis.resume();
    await vi.waitFor(() => expect(fleet.acknowledged).toBeGreaterThan(before), WAIT);
    await fleet.finish();
    await allStored(client, fleet);
    expect(await faultsOf(fleet, client)).toEqual([]);
    const pids = [broker, api, processor].map((service) => service.pid);
    for (const pid of pids) expect(process.kill(pid, 0)).toBe(true);
  });
}
