// kill -9 of either side of the gateway at random moments while a fleet publishes to a mosquitto: what was acknowledged to it
// is stored, what it was given and kept arrives, nothing counts twice.
//
//   FOOTFALL_FAULT_GATEWAY_KILLS  how often, of each side      FOOTFALL_FAULT_SEED  the seed of a run to replay
import { statSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { startTap } from '../support/acknowledgement-tap.ts';
import { Fleet, faultsOf, fleetFloorplan, storedBy } from '../support/fleet.ts';
import { type Client, httpClient } from '../support/http.ts';
import { type Mosquitto, startMosquitto, whyNoMosquitto } from '../support/mosquitto.ts';
import { openWire, publishPacket } from '../support/mqtt-wire.ts';
import { startService } from '../support/service.ts';
import { setting } from '../support/setting.ts';
import { runSeed, seededRandom } from './seed.ts';

const missing = whyNoMosquitto();
if (missing !== null) process.stderr.write(`skipped: ${missing}\n`);

const KILLS = setting('FOOTFALL_FAULT_GATEWAY_KILLS', 3);
const DPUS = 20;
/** Of each DPU after an acknowledgement: mosquitto keeps up, and what waits in it is soon delivered. */
const REST_MS = 50;
/** The same of those whose mosquitto is killed: all that it loses is sent again in the end. */
const REST_MS_OF_LOSERS = 200;
/** The kill comes at most so long after the fleet is under way. */
const LOAD_MS_MAX = 500;
const TIMEOUT_MS = 60_000 + KILLS * 15_000;
const PATIENCE = { timeout: 30_000, interval: 50 };

describe.skipIf(missing !== null)('the gateway', () => {
  test(`${KILLS} kills of footfall`, { timeout: TIMEOUT_MS }, async () => {
    const { seed, random, fleet } = fleetOf(11);
    await using mosquitto = await startMosquitto();
    await using service = await startService({ environment: { FOOTFALL_GATEWAY_URL: mosquitto.url } });
    const client = httpClient(service.httpUrl);
    await client.put('/v1/floorplan', fleetFloorplan(DPUS));
    await fleet.stayConnected(mosquitto.port);
    for (let kill = 0; kill < KILLS; kill++) {
      const before = await storedTotal(client);
      await vi.waitFor(async () => expect(await storedTotal(client)).toBeGreaterThan(before), PATIENCE);
      await after(random.below(LOAD_MS_MAX));
      await service.kill('SIGKILL');
      await service.restart();
    }
    await fleet.finish();
    await vi.waitFor(async () => expect(await storedTotal(client)).toBe(fleet.sent.size), PATIENCE);
    process.stdout.write(`kill -9 of footfall behind a mosquitto: ${KILLS} times, ${fleet.sent.size} events\n`);
    expect(await faultsOf(fleet, client), `seed ${seed}`).toEqual([]);
  });

  test(`${KILLS} kills of mosquitto`, { timeout: TIMEOUT_MS }, async () => {
    const { seed, random, fleet } = fleetOf(12, REST_MS_OF_LOSERS);
    await using mosquitto = await startMosquitto(['allow_anonymous true', 'autosave_interval 1']);
    await using tap = await startTap(mosquitto.port);
    await using service = await startService({ environment: { FOOTFALL_GATEWAY_URL: tap.url } });
    const client = httpClient(service.httpUrl);
    await client.put('/v1/floorplan', fleetFloorplan(DPUS));
    await fleet.stayConnected(mosquitto.port);
    for (let kill = 0; kill < KILLS; kill++) {
      const before = tap.acknowledged.size;
      await vi.waitFor(() => expect(tap.acknowledged.size).toBeGreaterThan(before), PATIENCE);
      await after(random.below(LOAD_MS_MAX));
      await mosquitto.kill();
      await mosquitto.start();
    }
    await fleet.finish();
    await vi.waitFor(() => expect(tap.isSubscribed).toBe(true), PATIENCE);
    await quiet(tap);
    const stored = await storedBy(client);
    const lost = [...tap.acknowledged].filter((identity) => !stored.has(identity));
    expect(lost, `acknowledged to mosquitto and not stored, seed ${seed}`).toEqual([]);
    // What mosquitto had accepted and not saved is gone with it. A fleet that sends everything again leaves no gap and no double.
    await repeat(fleet, mosquitto.port);
    await vi.waitFor(async () => expect(await storedTotal(client)).toBe(fleet.sent.size), PATIENCE);
    process.stdout.write(
      `kill -9 of mosquitto: ${KILLS} times, ${tap.deliveries} deliveries, ${stored.size} events acknowledged, ` +
        `${fleet.sent.size - stored.size} lost by mosquitto and sent again\n`,
    );
    expect(await faultsOf(fleet, client), `seed ${seed}`).toEqual([]);
  });

  test('what mosquitto has saved outlives both, and a subscription that is not shared outlives a restart of mosquitto', {
    timeout: 60_000,
  }, async () => {
    const { seed, fleet } = fleetOf(13);
    await using mosquitto = await startMosquitto();
    const environment = { FOOTFALL_GATEWAY_URL: mosquitto.url, FOOTFALL_GATEWAY_GROUP: 'none' };
    await using service = await startService({ environment });
    const client = httpClient(service.httpUrl);
    await client.put('/v1/floorplan', fleetFloorplan(DPUS));
    await fleet.stayConnected(mosquitto.port);
    await vi.waitFor(async () => expect(await storedTotal(client)).toBeGreaterThan(0), PATIENCE);
    await service.kill('SIGKILL');
    const untilMore = async () => {
      const { size } = fleet.sent;
      await vi.waitFor(() => expect(fleet.sent.size).toBeGreaterThan(size + 500), PATIENCE);
    };
    await untilMore();
    await fleet.finish();
    await save(mosquitto);
    await mosquitto.kill();
    await mosquitto.start();
    await fleet.stayConnected(mosquitto.port);
    await untilMore();
    await service.restart();
    await untilMore();
    await fleet.finish();
    await vi.waitFor(async () => expect(await storedTotal(client)).toBe(fleet.sent.size), PATIENCE);
    expect(await faultsOf(fleet, client), `seed ${seed}`).toEqual([]);
  });
});

function fleetOf(stream: number, restMs = REST_MS) {
  const seed = runSeed();
  return { seed, random: seededRandom(seed, stream), fleet: new Fleet(seed, DPUS, restMs) };
}

async function storedTotal(client: Client): Promise<number> {
  return (await client.get('/v1/events?page_size=1&start_time=2026-01-01T00:00:00Z')).total;
}

/** Resolves once it is over. */
function after(ms: number): Promise<void> {
  const moment = AbortSignal.timeout(ms);
  return new Promise((resolve) => moment.addEventListener('abort', () => resolve()));
}

/** Resolves when mosquitto has nothing more to deliver, as far as that can be seen. */
async function quiet(tap: { readonly deliveries: number }): Promise<void> {
  for (let before = -1; before !== tap.deliveries; ) {
    before = tap.deliveries;
    await after(500);
  }
}

/** mosquitto saves at SIGUSR1. */
async function save({ pid, storePath }: Mosquitto): Promise<void> {
  const savedAtMs = () => statSync(storePath, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const before = savedAtMs();
  process.kill(pid, 'SIGUSR1');
  await vi.waitFor(() => expect(savedAtMs()).toBeGreaterThan(before), PATIENCE);
}

/** Publishes every event of the fleet once more, some hundreds at a time. */
async function repeat(fleet: Fleet, port: number): Promise<void> {
  await using wire = await openWire(port);
  await wire.connect();
  let number = 0;
  for (const batch of batchesOf([...fleet.sent.values()], 500)) {
    for (const { dpu, atMs, direction } of batch) {
      const payload = JSON.stringify({ timestamp: atMs, direction });
      wire.send(publishPacket(`dpu/${dpu}/events`, payload, 1 + (number++ % 65_535)));
    }
    for (const _ of batch) expect((await wire.next()).cmd).toBe('puback');
  }
}

function batchesOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));
}
