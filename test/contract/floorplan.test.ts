// What every floor plan store promises. A second back-end adds a line to `BACKENDS`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import type { Clock } from '../../shared/clock.ts';
import type { Change } from '../../shared/fact.ts';
import type { DpuId } from '../../shared/ids.ts';
import { FLOORPLAN_CONFLICT, type FloorplanStore } from '../../shared/storage/floorplan.ts';
import { openRedisFloorplan } from '../../shared/storage/influx-redis/floorplan.ts';
import { connectRedis } from '../../shared/storage/influx-redis/redis.ts';
import { openFloorplan } from '../../shared/storage/sqlite/floorplan.ts';
import { type Server, startRedis, whyNoRedis } from '../support/servers.ts';

type Backend = {
  readonly name: string;
  /** Why it cannot be tested here; null: it can. */
  readonly missing: string | null;
  open(place: string, clock: Clock): Promise<FloorplanStore>;
};

let redis: Server | undefined;
/** A database of the server for each place. */
const databases = new Map<string, number>();
afterAll(() => redis?.kill());

const BACKENDS: Backend[] = [
  { name: 'sqlite', missing: null, open: async (place, clock) => openFloorplan(place, clock) },
  {
    name: 'redis',
    missing: whyNoRedis(),
    open: async (place, clock) => {
      redis ??= await startRedis(['--databases', '100']);
      const database = databases.get(place) ?? databases.size;
      databases.set(place, database);
      const connection = await connectRedis(`${redis.url}/${database}`);
      const store = openRedisFloorplan(connection, clock);
      const close = async () => {
        await store.close();
        connection.disconnect();
      };
      return { ...store, close };
    },
  },
];

const change = (name: string): Change => ({ kind: 'dpu', id: name as DpuId, name, retiredAtMs: null });

describe.each(BACKENDS)('floor plan on $name', ({ open, missing, name }) => {
  if (missing !== null) return test.skip(`floor plan on ${name}: ${missing}`, () => undefined);
  const time = { nowMs: 1_000 };
  const clock: Clock = { nowMs: () => time.nowMs, monotonicMs: () => performance.now() };
  const places: string[] = [];
  const stores: FloorplanStore[] = [];
  const opened = async (place = mkdtempSync(join(tmpdir(), 'footfall-floorplan-'))) => {
    places.push(place);
    const store = await open(place, clock);
    stores.push(store);
    return { store, place };
  };
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
    for (const place of places.splice(0)) rmSync(place, { recursive: true, force: true });
  });

  test('facts are numbered from 1 in the order they were appended, and read back after any of them', async () => {
    const { store } = await opened();
    await store.append([change('a'), change('b')], 0, 'somebody');
    await store.append([change('c')], 2, null);
    expect((await store.read(0)).map((fact) => fact.number)).toEqual([1, 2, 3]);
    expect((await store.read(1)).map((fact) => fact.change)).toEqual([change('b'), change('c')]);
    expect(await store.read(0, 2)).toHaveLength(2);
  });

  test('an append that expects another newest fact is refused and stores nothing', async () => {
    const { store } = await opened();
    await store.append([change('a')], 0, null);
    await expect(store.append([change('b')], 0, null)).rejects.toThrow(FLOORPLAN_CONFLICT);
    await expect(store.append([change('b')], 2, null)).rejects.toThrow(FLOORPLAN_CONFLICT);
    expect(await store.read(0)).toHaveLength(1);
  });

  test('recorded_at never goes back', async () => {
    const { store } = await opened();
    time.nowMs = 5_000;
    await store.append([change('a')], 0, null);
    time.nowMs = 3_000;
    await store.append([change('b')], 1, null);
    expect((await store.read(0)).map((fact) => fact.recordedAtMs)).toEqual([5_000, 5_000]);
  });

  test('facts and what has been announced are there after a restart; announced never goes back', async () => {
    const { store, place } = await opened();
    expect(await store.announced()).toBe(0);
    await store.append([change('a'), change('b')], 0, null);
    await store.markAnnounced(2);
    await store.markAnnounced(1);
    await stores.pop()?.close();
    const again = (await opened(place)).store;
    expect(await again.announced()).toBe(2);
    expect(await again.read(0)).toHaveLength(2);
  });

  test('who follows is told of what has been announced since', async () => {
    const { store, place } = await opened();
    await store.append([change('a')], 0, null);
    if (name === 'sqlite') return; // One process has the data directory to itself.
    const follower = (await opened(place)).store;
    const told: number[] = [];
    await follower.follow(async () => told.push(await follower.announced()));
    await store.markAnnounced(1);
    await vi.waitFor(() => expect(told).toContain(1), { timeout: 10_000 });
  });
});
