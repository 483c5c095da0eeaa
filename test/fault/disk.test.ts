// Disks that are full or fail under the whole service: no acknowledgement that does not hold, a clear line in the log, and
// everything right again once the disk is.
//
//   FOOTFALL_FAULT_DISK  faults at single calls      FOOTFALL_FAULT_SEED  the seed of a run to replay
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { buildDiskShim, type DiskFault, shimEnvironment } from '../support/disk-shim.ts';
import { Fleet, faultsOf, fleetFloorplan } from '../support/fleet.ts';
import { httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';
import { setting } from '../support/setting.ts';
import { temporaryDir } from '../support/temporary-dir.ts';
import { runSeed, seededRandom } from './seed.ts';

const FAULTS = setting('FOOTFALL_FAULT_DISK', 8);
const CLIENTS = 20;
/** A test takes seconds; the rest is for a machine that does other things as well. */
const TIMEOUT_MS = 60_000;

const seed = runSeed();
const shim = buildDiskShim();
if ('missing' in shim) process.stderr.write(`disk fault tests skipped: ${shim.missing}\n`);
const library = 'library' in shim ? shim.library : '';

const services: Service[] = [];
afterAll(async () => {
  for (const service of services) await service.kill();
});

/** A service whose disk has `fault`, and a fleet whose floor plan is in. */
async function started(fault: DiskFault, ownSeed: number) {
  const dataDir = temporaryDir();
  await prepared(dataDir);
  const environment = shimEnvironment(library, dataDir, { fault });
  const service = await startService({ dataDir, environment });
  services.push(service);
  return { service, dataDir, fleet: new Fleet(ownSeed, CLIENTS) };
}

/** The floor plan goes in on a good disk. */
async function prepared(dataDir: string): Promise<void> {
  const service = await startService({ dataDir });
  await httpClient(service.httpUrl).put('/v1/floorplan', fleetFloorplan(CLIENTS));
  await service.stop();
}

async function untilCounted(fleet: Fleet, url: string): Promise<void> {
  const total = async () => (await httpClient(url).get('/v1/events?page_size=1&start_time=2026-01-01T00:00:00Z')).total;
  await vi.waitFor(async () => expect(await total()).toBe(fleet.sent.size), { timeout: 20_000, interval: 50 });
}

const untilAcknowledged = (fleet: Fleet, more: number) => {
  const goal = fleet.acknowledged + more;
  return vi.waitFor(() => expect(fleet.acknowledged).toBeGreaterThan(goal), { timeout: 10_000, interval: 5 });
};

describe.skipIf('missing' in shim)(`disk faults, seed ${seed}`, () => {
  test('a disk that is full for the journal: nothing is acknowledged, questions are answered, and it goes on by itself', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const flag = join(temporaryDir(), 'full');
    const { service, fleet } = await started(
      { fault: 'enospc', calls: ['write', 'truncate'], files: 'journal', flag },
      seed,
    );
    const client = httpClient(service.httpUrl);
    await fleet.connect(service.mqttPort);
    await untilAcknowledged(fleet, 50);
    writeFileSync(flag, '');
    await vi.waitFor(() => expect(service.log()).toContain('journal does not take appends'), { timeout: 10_000 });
    const acknowledged = fleet.acknowledged;
    expect((await client.call('GET', '/readyz')).status).toBe(503);
    expect((await client.call('GET', '/v1/spaces/site/count')).status).toBe(200);
    const refused = await client.call('POST', '/v1/dpus/d0/events', {
      timestamp: '2026-01-15T12:00:00Z',
      direction: 1,
    });
    expect([refused.status, refused.body.code, refused.headers.has('retry-after')]).toEqual([
      503,
      'journal_unavailable',
      true,
    ]);
    expect(fleet.acknowledged).toBe(acknowledged);
    rmSync(flag);
    await fleet.finish();
    await untilCounted(fleet, service.httpUrl);
    expect(await faultsOf(fleet, client)).toEqual([]);
    expect(service.log().match(/journal does not take appends/g)).toHaveLength(1);
    expect((await client.call('GET', '/readyz')).status).toBe(200);
  });

  test('a disk that is full for the floor plan: a change answers 503, changes nothing, and can be made later', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const flag = join(temporaryDir(), 'full');
    const { service } = await started(
      { fault: 'enospc', calls: ['write', 'truncate'], files: 'floorplan', flag },
      seed,
    );
    const client = httpClient(service.httpUrl);
    writeFileSync(flag, '');
    const refused = await client.call('POST', '/v1/spaces', { id: 'attic' });
    expect([refused.status, refused.body.code]).toEqual([503, 'journal_unavailable']);
    expect((await client.call('GET', '/v1/spaces/attic')).status).toBe(404);
    rmSync(flag);
    expect((await client.call('POST', '/v1/spaces', { id: 'attic' })).status).toBe(201);
  });

  test('a disk that is full for the history: it is acknowledged all the same, and counted once there is room', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const flag = join(temporaryDir(), 'full');
    const { service, fleet } = await started(
      { fault: 'enospc', calls: ['write', 'truncate'], files: 'history', flag },
      seed + 1,
    );
    await fleet.connect(service.mqttPort);
    await untilAcknowledged(fleet, 50);
    writeFileSync(flag, '');
    await vi.waitFor(() => expect(service.log()).toContain('storage cannot be used'), { timeout: 10_000 });
    await untilAcknowledged(fleet, 50);
    await fleet.finish();
    rmSync(flag);
    await untilCounted(fleet, service.httpUrl);
    expect(await faultsOf(fleet, httpClient(service.httpUrl))).toEqual([]);
  });

  test.each([
    ['journal'],
    ['history'],
  ])('a sync of the %s that fails ends the process with a clear line; a fresh start has it all', {
    timeout: TIMEOUT_MS,
  }, async (files) => {
    const { service, fleet, dataDir } = await started({ fault: 'eio', calls: ['sync'], files, at: 30 }, seed + 2);
    await fleet.connect(service.mqttPort);
    const { code } = await service.exited;
    expect(code).toBe(1);
    expect(service.log()).toMatch(new RegExp(`${files}'s disk failed`));
    await recovered(fleet, dataDir);
  });

  test.each(Array.from({ length: FAULTS }, (_, index) => index))('fault %i at a call chosen by chance', {
    timeout: TIMEOUT_MS,
  }, async (index) => {
    const random = seededRandom(seed, 100 + index);
    const calls = random.pick([['write'], ['sync'], ['write', 'sync']] as const);
    const fault: DiskFault = {
      fault: random.pick(['kill', 'short', 'eio', 'enospc'] as const),
      calls,
      at: 40 + random.below(400),
    };
    const { service, fleet, dataDir } = await started(fault, seed + 3 + index);
    await fleet.connect(service.mqttPort);
    let hasEnded = false;
    void service.exited.then(() => {
      hasEnded = true;
    });
    const goal = 400;
    await vi.waitFor(() => expect(hasEnded || fleet.acknowledged > goal).toBe(true), { timeout: 20_000, interval: 5 });
    await service.kill();
    await recovered(fleet, dataDir, JSON.stringify(fault));
  });
});

/** A fresh start on a good disk: everything is acknowledged in the end, stored and counted once. */
async function recovered(fleet: Fleet, dataDir: string, what = ''): Promise<void> {
  await using service = await startService({ dataDir });
  await fleet.connect(service.mqttPort);
  await fleet.finish();
  await untilCounted(fleet, service.httpUrl);
  expect(await faultsOf(fleet, httpClient(service.httpUrl)), what).toEqual([]);
}
