// What every credential store promises, on each back-end.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type KeyCredential, newKey, newSecret } from '../../shared/credential.ts';
import { TemporaryStorageError } from '../../shared/errors.ts';
import type { CredentialStore } from '../../shared/storage/credentials.ts';
import { openRedisCredentials } from '../../shared/storage/influx-redis/credentials.ts';
import { connectRedis } from '../../shared/storage/influx-redis/redis.ts';
import { openCredentials } from '../../shared/storage/sqlite/credentials.ts';
import { openFloorplan } from '../../shared/storage/sqlite/floorplan.ts';
import { type Server, startRedis, whyNoRedis } from '../support/servers.ts';

type Backend = {
  readonly name: string;
  /** Why it cannot be tested here; null: it can. */
  readonly missing: string | null;
  begin(): Promise<void>;
  end(): Promise<void>;
  /** An empty place. */
  place(): Promise<string>;
  open(place: string): Promise<CredentialStore>;
};

let redis: Server | undefined;
const folders: string[] = [];

const BACKENDS: Backend[] = [
  {
    name: 'sqlite',
    missing: null,
    begin: async () => undefined,
    end: async () => {
      for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
    },
    place: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'footfall-credentials-'));
      folders.push(folder);
      return folder;
    },
    open: async (place) => openCredentials(place),
  },
  {
    name: 'redis',
    missing: whyNoRedis(),
    begin: async () => {
      redis = await startRedis();
    },
    end: async () => redis?.[Symbol.asyncDispose](),
    place: async () => {
      const url = (redis as Server).url;
      const plain = new Redis(url);
      await plain.flushall();
      plain.disconnect();
      return url;
    },
    open: async (place) => {
      const connection = await connectRedis(place);
      const store = openRedisCredentials(connection);
      return {
        ...store,
        close: async () => {
          await store.close();
          connection.disconnect();
        },
      };
    },
  },
];

const key = (name: string, nowMs: number): KeyCredential =>
  newKey({ name, scopes: ['read', 'ingest'], expiresAtMs: null }, nowMs).credential;

describe.each(BACKENDS)('credentials on $name', ({ name, missing, begin, end, place, open }) => {
  if (missing !== null) {
    test.skip(`${name}: ${missing}`, () => undefined);
    return;
  }
  const stores: CredentialStore[] = [];
  const opened = async (at: string) => {
    const store = await open(at);
    stores.push(store);
    return store;
  };
  beforeAll(begin);
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
  });
  afterAll(end);

  test('an empty store has nothing, and says so', async () => {
    const store = await opened(await place());
    expect(await store.newest()).toBe(0);
    expect(await store.changes(0)).toEqual([]);
    expect(await store.keys()).toEqual([]);
    expect(await store.find('key', 'none')).toBe(null);
  });

  test('what was put is found by kind and id, also by another process and after a restart', async () => {
    const at = await place();
    const [store, other] = [await opened(at), await opened(at)];
    const [one, secret] = [key('one', 5), newSecret('423', 6).credential];
    await store.put(one);
    await store.put(secret);
    for (const asked of [store, other, await opened(at)]) {
      expect(await asked.find('key', one.id)).toEqual(one);
      expect(await asked.find('dpu', '423')).toEqual(secret);
      expect(await asked.find('dpu', one.id)).toBe(null);
    }
  });

  test('a second put replaces the first and is a change of its own', async () => {
    const store = await opened(await place());
    const one = key('one', 5);
    await store.put(one);
    const revoked = { ...one, revokedAtMs: 9 };
    await store.put(revoked);
    expect(await store.find('key', one.id)).toEqual(revoked);
    expect(await store.keys()).toEqual([revoked]);
    expect(await store.newest()).toBe(2);
    expect(await store.changes(0)).toEqual([{ revision: 2, kind: 'key', id: one.id }]);
  });

  test('keys are listed in the order of their making, without secrets of DPUs', async () => {
    const store = await opened(await place());
    const keys = [7, 3, 5].map((nowMs) => key(`made at ${nowMs}`, nowMs));
    for (const one of keys) await store.put(one);
    await store.put(newSecret('423', 1).credential);
    expect((await store.keys()).map(({ createdAtMs }) => createdAtMs)).toEqual([3, 5, 7]);
  });

  test('changes are told in order, after any revision', async () => {
    const store = await opened(await place());
    for (const id of ['a', 'b', 'a', 'c']) await store.put(newSecret(id, 1).credential);
    const named = async (after: number) => (await store.changes(after)).map(({ id }) => id);
    expect(await named(0)).toEqual(['b', 'a', 'c']);
    expect(await named(2)).toEqual(['a', 'c']);
    expect(await named(await store.newest())).toEqual([]);
  });

  test('puts of two processes at once get revisions of their own', async () => {
    const at = await place();
    const both = [await opened(at), await opened(at)];
    const ids = Array.from({ length: 40 }, (_, index) => `dpu-${index}`);
    await Promise.all(ids.map((id, index) => both[index % 2]?.put(newSecret(id, 1).credential)));
    const revisions = ((await both[0]?.changes(0)) ?? []).map(({ revision }) => revision);
    expect(revisions).toEqual(ids.map((_, index) => index + 1));
  });
});

test('a database from before there were credentials gets its table, and keeps its facts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'footfall-credentials-'));
  folders.push(folder);
  const clock = { nowMs: () => 1, monotonicMs: () => 1 };
  const before = openFloorplan(folder, clock);
  await before.append([{ kind: 'dpu', id: '423' as never, name: '423', retiredAtMs: null }], 0, null);
  await before.close();
  const store = openCredentials(folder);
  await store.put(newSecret('423', 1).credential);
  await store.close();
  const after = openFloorplan(folder, clock);
  expect(await after.read(0)).toHaveLength(1);
  await after.close();
  rmSync(folder, { recursive: true, force: true });
});

test.skipIf(whyNoRedis() !== null)('while Redis is away every call says that it may be repeated', async () => {
  await using server = await startRedis();
  const connection = await connectRedis(server.url);
  const store = openRedisCredentials(connection);
  await server.kill();
  await expect(store.put(newSecret('423', 1).credential)).rejects.toThrow(TemporaryStorageError);
  await expect(store.find('dpu', '423')).rejects.toThrow(TemporaryStorageError);
  await expect(store.newest()).rejects.toThrow(TemporaryStorageError);
  connection.disconnect();
});
