// The floor plan store on Redis: a list of facts, the number announced, and a channel that tells when that grows.
import type { Redis } from 'ioredis';
import type { Clock } from '../../clock.ts';
import type { Change, Fact } from '../../fact.ts';
import { FLOORPLAN_CONFLICT, FLOORPLAN_FULL, type FloorplanStore } from '../floorplan.ts';
import { FACTS_CHANNEL, keys } from './keys.ts';
import { temporarily } from './redis.ts';
import { runScript } from './scripts.ts';

const READ_LIMIT = 10_000;
/** A message on the channel may be missed while the connection is away, so followers look by themselves too. */
const FOLLOW_EVERY_MS = 1_000;

type StoredFact = {
  readonly number: number;
  readonly recorded_at: number;
  readonly by: string | null;
  readonly change: Change;
};

export function openRedisFloorplan(redis: Redis, clock: Clock): FloorplanStore {
  const closing: (() => void)[] = [];
  return {
    append: async (changes, expected, by) => {
      const texts = changes.map((change) => JSON.stringify(change));
      let answer: unknown;
      try {
        answer = await temporarily(() =>
          runScript(redis, 'facts-append', [keys.facts], [expected, clock.nowMs(), by ?? '', ...texts]),
        );
      } catch (error) {
        if ((error as Error).message.includes('OOM')) throw new Error(FLOORPLAN_FULL, { cause: error });
        throw error;
      }
      const recordedAtMs = Number(answer);
      if (recordedAtMs === -1) throw new Error(FLOORPLAN_CONFLICT);
      return changes.map((change, index) => ({ number: expected + 1 + index, recordedAtMs, by, change }));
    },
    read: async (after, limit = READ_LIMIT) => {
      const texts = await temporarily(() => redis.lrange(keys.facts, after, after + limit - 1));
      return texts.map(factOf);
    },
    announced: async () => Number((await temporarily(() => redis.get(keys.announced))) ?? 0),
    markAnnounced: async (number) => {
      await temporarily(() => runScript(redis, 'facts-announce', [keys.announced], [number, FACTS_CHANNEL]));
    },
    follow: async (onAnnounced) => {
      const subscriber = redis.duplicate({ enableOfflineQueue: true, maxRetriesPerRequest: null });
      subscriber.on('error', () => undefined);
      subscriber.on('message', onAnnounced);
      await subscriber.subscribe(FACTS_CHANNEL);
      const timer = setInterval(onAnnounced, FOLLOW_EVERY_MS).unref();
      closing.push(() => {
        clearInterval(timer);
        subscriber.disconnect();
      });
    },
    close: async () => {
      for (const close of closing.splice(0)) close();
    },
  };
}

function factOf(text: string): Fact {
  const { number, recorded_at: recordedAtMs, by, change } = JSON.parse(text) as StoredFact;
  return { number, recordedAtMs, by, change };
}
