// What every store of connections promises, on each back-end.
import { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import type { DpuId } from '../../shared/ids.ts';
import type { ConnectionNews } from '../../shared/storage/connections.ts';
import { openRedisConnections } from '../../shared/storage/influx-redis/connections.ts';
import { keys } from '../../shared/storage/influx-redis/keys.ts';
import { connectRedis } from '../../shared/storage/influx-redis/redis.ts';
import { describeFleet } from '../support/fleet-backends.ts';
import { startRedis, whyNoRedis } from '../support/servers.ts';

const SOON = { timeout: 10_000, interval: 20 };
const id = (text: string) => text as DpuId;
const news = (dpuId: string, connectionId: string, online: boolean, atMs: number): ConnectionNews => ({
  dpuId: id(dpuId),
  connectionId,
  online,
  atMs,
  address: '10.0.0.7',
  mqttVersion: '3.1.1',
});

describeFleet('connections', (open) => {
  const start = async () => (await open()).connections;

  test('nothing is known of a DPU that never was there', async () => {
    const [store] = await start();
    const never = { online: false, sinceMs: null, address: null, mqttVersion: null, refusals: {} };
    expect(await store.find([id('none')])).toEqual([never]);
    expect(await store.find([])).toEqual([]);
    expect(await store.newest()).toBe(0);
    expect(await store.changes(0)).toEqual({ revision: 0, dpuIds: [] });
  });

  test('what one process tells, the other finds, in the order asked for', async () => {
    const [store, other] = await start();
    await store.tell('one', [news('a', 'a1', true, 1_000), news('b', 'b1', true, 2_000)], []);
    await store.tell('one', [news('b', 'b1', false, 3_000)], [{ dpuId: id('a'), reason: 'taken_over', times: 2 }]);
    await other.tell('two', [], [{ dpuId: id('a'), reason: 'taken_over', times: 1 }]);
    expect(await other.find(['b', 'a'].map(id))).toEqual([
      { online: false, sinceMs: 3_000, address: '10.0.0.7', mqttVersion: '3.1.1', refusals: {} },
      { online: true, sinceMs: 1_000, address: '10.0.0.7', mqttVersion: '3.1.1', refusals: { taken_over: 3 } },
    ]);
  });

  test('the end of a connection says nothing of the one after it', async () => {
    const [store, other] = await start();
    await store.tell('one', [news('a', 'a1', true, 1_000)], []);
    await other.tell('two', [news('a', 'a2', true, 2_000)], []);
    await store.tell('one', [news('a', 'a1', false, 2_500)], []);
    expect(await store.find([id('a')])).toMatchObject([{ online: true, sinceMs: 2_000 }]);
    await store.begin('one', 3_000);
    expect(await store.find([id('a')])).toMatchObject([{ online: true, sinceMs: 2_000 }]);
  });

  test('a connection that was over before it was told of was there', async () => {
    const [store] = await start();
    await store.tell('one', [news('a', 'a1', false, 2_500)], []);
    expect(await store.find([id('a')])).toMatchObject([{ online: false, sinceMs: 2_500, address: '10.0.0.7' }]);
  });

  test('who begins anew has left nothing connected', async () => {
    const [store, other] = await start();
    const fleet = Array.from({ length: 1_200 }, (_, index) => news(`d${index}`, `c${index}`, true, index));
    await store.tell('one', fleet, []);
    await other.tell('two', [news('x', 'x1', true, 5)], []);
    await store.begin('one', 9_000);
    const found = await other.find(fleet.map(({ dpuId }) => dpuId));
    expect(found.filter(({ online, sinceMs }) => !online && sinceMs === 9_000)).toHaveLength(fleet.length);
    expect(await other.find([id('x')])).toMatchObject([{ online: true }]);
  });

  test('changes are told in their order, the newest of each DPU, and refusals are none', async () => {
    const [store] = await start();
    const put = (dpuId: string, online: boolean) => store.tell('one', [news(dpuId, `${dpuId}1`, online, 1)], []);
    for (const dpuId of ['a', 'b']) await put(dpuId, true);
    const before = await store.newest();
    await put('a', false);
    await put('c', true);
    await store.tell('one', [], [{ dpuId: id('b'), reason: 'memory', times: 1 }]);
    const { revision, dpuIds } = await store.changes(before);
    expect([dpuIds, revision]).toEqual([['a', 'c'], await store.newest()]);
    expect((await store.changes(0)).dpuIds).toEqual(['b', 'a', 'c']);
    expect(await store.changes(revision)).toEqual({ revision, dpuIds: [] });
  });
});

test.skipIf(whyNoRedis() !== null)(
  'on Redis, who says nothing for too long is over for all, and has to tell again',
  async () => {
    await using server = await startRedis();
    const connection = await connectRedis(server.url);
    const store = openRedisConnections(connection);
    expect(await store.tell('silent', [news('a', 'a1', true, 1_000)], [])).toBe(false);
    expect(await store.tell('silent', [], [])).toBe(true);
    // As if ten seconds had passed.
    const plain = new Redis(server.url);
    await plain.zadd(keys.tellers, Date.now() - 1, 'silent');
    await vi.waitFor(async () => expect(await store.find([id('a')])).toMatchObject([{ online: false }]), SOON);
    expect(await store.tell('silent', [], [])).toBe(false);
    plain.disconnect();
    connection.disconnect();
  },
);
