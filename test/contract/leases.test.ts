// Leases on a real Redis: partitions are shared out, move from who is gone, and who wakes from a pause is fenced off.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../shared/clock.ts';
import { FencedError } from '../../shared/storage/fenced.ts';
import { openRedisJournal } from '../../shared/storage/influx-redis/journal.ts';
import { keys } from '../../shared/storage/influx-redis/keys.ts';
import { connectRedis } from '../../shared/storage/influx-redis/redis.ts';
import { runScript } from '../../shared/storage/influx-redis/scripts.ts';
import type { Journal, Ownership } from '../../shared/storage/journal.ts';
import { type Server, startRedis, whyNoRedis } from '../support/servers.ts';

const missing = whyNoRedis();
const PARTITIONS = 4;
/** A killed owner's partitions are somebody else's by then. */
const MOVED_MS = 10_000;

describe.skipIf(missing !== null)(`leases${missing === null ? '' : ` (not run: ${missing})`}`, () => {
  let server: Server;
  let database = 0;
  beforeAll(async () => {
    server = await startRedis(['--databases', '100']);
  });
  afterAll(() => server.kill());

  /** A process of processors: what it owns now, and how it ends. */
  async function processor() {
    const redis = await connectRedis(`${server.url}/${database}`);
    const owned = new Map<number, Ownership>();
    // Turned off, its clock stands still and nothing it says reaches the server: as after SIGSTOP.
    let stoppedAtMs: number | null = null;
    const clock = { nowMs: systemClock.nowMs, monotonicMs: () => stoppedAtMs ?? systemClock.monotonicMs() };
    const journal: Journal = openRedisJournal(redis, { partitions: PARTITIONS, clock });
    await journal.own('processor', (ownership) => {
      owned.set(ownership.partition, ownership);
      ownership.lost.addEventListener('abort', () => {
        if (owned.get(ownership.partition) === ownership) owned.delete(ownership.partition);
      });
    });
    return {
      redis,
      journal,
      owned,
      /** Gone without a word. */
      kill: () => redis.disconnect(),
      close: async () => {
        await journal.close();
        redis.disconnect();
      },
      stop: () => {
        stoppedAtMs = systemClock.monotonicMs();
      },
    };
  }

  const fresh = () => {
    database += 1;
  };

  test('one process owns all; a second one gets its share, without anything owned twice', async () => {
    fresh();
    const one = await processor();
    expect([...one.owned.keys()]).toEqual([0, 1, 2, 3]);
    const other = await processor();
    await vi.waitFor(() => expect([one.owned.size, other.owned.size]).toEqual([2, 2]), { timeout: MOVED_MS });
    expect(new Set([...one.owned.keys(), ...other.owned.keys()]).size).toBe(PARTITIONS);
    await one.close();
    await vi.waitFor(() => expect(other.owned.size).toBe(PARTITIONS), { timeout: MOVED_MS });
    await other.close();
  });

  test('the partitions of a process that is killed move within 10 s, with a higher epoch', async () => {
    fresh();
    const one = await processor();
    const epochs = [...one.owned.values()].map((ownership) => ownership.epoch);
    const other = await processor();
    one.kill();
    await vi.waitFor(() => expect(other.owned.size).toBe(PARTITIONS), { timeout: MOVED_MS });
    for (const { partition, epoch } of other.owned.values()) expect(epoch).toBeGreaterThan(epochs[partition] ?? 0);
    await other.close();
  }, 20_000);

  test('a process that was stopped and wakes can commit nothing, by its epoch alone', async () => {
    fresh();
    const one = await processor();
    const [ownership] = one.owned.values();
    if (ownership === undefined) throw new Error('nothing is owned');
    one.stop();
    // Somebody else takes the lease once it has run out; here at once.
    await one.redis.hset(keys.lease(ownership.partition), 'expires_at', 0, 'owner', '');
    const taken = await runScript(one.redis, 'lease-take', [keys.lease(ownership.partition)], ['another', 5_000, 0]);
    expect(Number(taken)).toBe(ownership.epoch + 1);
    await expect(one.journal.commit(ownership, 1)).rejects.toThrow(FencedError);
    const late = [ownership.epoch, 0, 0, 0];
    const names = (['lease', 'late', 'verdicts', 'arrivals'] as const).map((name) => keys[name](ownership.partition));
    await expect(runScript(one.redis, 'late-commit', names, late)).rejects.toThrow(FencedError);
    await one.close();
  });

  test('without word from the server a process gives up what it owns before anybody else may have it', async () => {
    fresh();
    const one = await processor();
    const lost = [...one.owned.values()].map((ownership) => ownership.lost);
    const beganMs = systemClock.monotonicMs();
    server.pause();
    await vi.waitFor(() => expect(lost.every((signal) => signal.aborted)).toBe(true), {
      timeout: MOVED_MS,
      interval: 20,
    });
    // A lease of 5 s, prolonged just before.
    expect(systemClock.monotonicMs() - beganMs).toBeLessThan(5_000);
    server.resume();
    await vi.waitFor(() => expect(one.owned.size).toBe(PARTITIONS), { timeout: MOVED_MS });
    await one.close();
  }, 30_000);
});
