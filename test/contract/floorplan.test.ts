// What every floor plan store promises. A second back-end adds a line to `BACKENDS`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../shared/clock.ts';
import type { Change } from '../../shared/fact.ts';
import type { DpuId } from '../../shared/ids.ts';
import { FLOORPLAN_CONFLICT, type FloorplanStore } from '../../shared/storage/floorplan.ts';
import { openFloorplan } from '../../shared/storage/sqlite/floorplan.ts';

type Backend = { readonly name: string; open(place: string, clock: Clock): FloorplanStore };

const BACKENDS: Backend[] = [{ name: 'sqlite', open: openFloorplan }];

const change = (name: string): Change => ({ kind: 'dpu', id: name as DpuId, name, retiredAtMs: null });

describe.each(BACKENDS)('floor plan on $name', ({ open }) => {
  const time = { nowMs: 1_000 };
  const clock: Clock = { nowMs: () => time.nowMs, monotonicMs: () => performance.now() };
  const places: string[] = [];
  const stores: FloorplanStore[] = [];
  const opened = (place = mkdtempSync(join(tmpdir(), 'footfall-floorplan-'))) => {
    places.push(place);
    const store = open(place, clock);
    stores.push(store);
    return { store, place };
  };
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
    for (const place of places.splice(0)) rmSync(place, { recursive: true, force: true });
  });

  test('facts are numbered from 1 in the order they were appended, and read back after any of them', async () => {
    const { store } = opened();
    await store.append([change('a'), change('b')], 0, 'somebody');
    await store.append([change('c')], 2, null);
    expect((await store.read(0)).map((fact) => fact.number)).toEqual([1, 2, 3]);
    expect((await store.read(1)).map((fact) => fact.change)).toEqual([change('b'), change('c')]);
    expect(await store.read(0, 2)).toHaveLength(2);
  });

  test('an append that expects another newest fact is refused and stores nothing', async () => {
    const { store } = opened();
    await store.append([change('a')], 0, null);
    await expect(store.append([change('b')], 0, null)).rejects.toThrow(FLOORPLAN_CONFLICT);
    await expect(store.append([change('b')], 2, null)).rejects.toThrow(FLOORPLAN_CONFLICT);
    expect(await store.read(0)).toHaveLength(1);
  });

  test('recorded_at never goes back', async () => {
    const { store } = opened();
    time.nowMs = 5_000;
    await store.append([change('a')], 0, null);
    time.nowMs = 3_000;
    await store.append([change('b')], 1, null);
    expect((await store.read(0)).map((fact) => fact.recordedAtMs)).toEqual([5_000, 5_000]);
  });

  test('facts and what has been announced are there after a restart; announced never goes back', async () => {
    const { store, place } = opened();
    expect(await store.announced()).toBe(0);
    await store.append([change('a'), change('b')], 0, null);
    await store.markAnnounced(2);
    await store.markAnnounced(1);
    await stores.pop()?.close();
    const again = opened(place).store;
    expect(await again.announced()).toBe(2);
    expect(await again.read(0)).toHaveLength(2);
  });
});
