// Live counts: what both groups of every partition have counted, added up.
import type { Redis } from 'ioredis';
import type { SpaceId } from '../../ids.ts';
import type { LiveCount, LiveReader } from '../live.ts';
import { heardOf } from './heard.ts';
import { keys } from './keys.ts';
import { temporarily } from './redis.ts';
import { decodeSpace, type SpaceState } from './space-state.ts';

type Parts = { readonly live: SpaceState | null; readonly late: SpaceState | null };

export function openLiveReader(redis: Redis, partitions: number): LiveReader {
  return {
    heard: (dpuIds) => heardOf(redis, partitions, dpuIds),
    counts: async (spaceIds) => {
      if (spaceIds.length === 0) {
        await temporarily(() => redis.ping());
        return [];
      }
      const partitionsOf = Array.from({ length: partitions }, (_, partition) => partition);
      // One transaction a partition: both hashes lie in one slot, so they are of one moment.
      const texts = await temporarily(() =>
        Promise.all(
          partitionsOf.map(async (partition) => {
            const answers = await redis
              .multi()
              .hmget(keys.live(partition), ...spaceIds)
              .hmget(keys.late(partition), ...spaceIds)
              .exec();
            return (answers ?? []).map(([error, texts]) => {
              if (error !== null) throw error;
              return texts as (string | null)[];
            });
          }),
        ),
      );
      return spaceIds.map((spaceId, index) => {
        const parts = texts.map(([live, late]) => ({ live: decoded(live?.[index]), late: decoded(late?.[index]) }));
        return added(spaceId, parts);
      });
    },
  };
}

function decoded(text: string | null | undefined): SpaceState | null {
  return text === null || text === undefined ? null : decodeSpace(text);
}

function added(spaceId: SpaceId, partitions: readonly Parts[]): LiveCount {
  const parts = partitions.flatMap(({ live, late }) => [live, late]).filter((part) => part !== null);
  const newest = parts.flatMap(({ newestMs }) => (newestMs === null ? [] : [newestMs]));
  const revision = parts.reduce((sum, part) => sum + part.revision, 0);
  const newestMs = newest.length === 0 ? null : Math.max(...newest);
  return { spaceId, newestMs, revision, ...since(partitions) };
}

/** Where the count starts, when that is the same in every partition, and the sum since. */
function since(partitions: readonly Parts[]): Pick<LiveCount, 'startAtMs' | 'net'> {
  const starts = new Set(partitions.flatMap(({ live }) => (live === null ? [] : [live.since?.atMs ?? null])));
  const [startAtMs = null] = starts;
  const moving = { startAtMs: 'moving', net: 0 } as const;
  if (starts.size > 1) return moving;
  let net = 0;
  for (const { live, late } of partitions) {
    if (startAtMs === null) {
      net += totalOf(live) + totalOf(late);
      continue;
    }
    const start = live?.since ?? null;
    const isTakenOver = late?.since?.atMs === startAtMs && late.since.from === start?.from;
    // Without word from the history group the sum is known only where nothing had been counted before the group began.
    if (start !== null && !isTakenOver && !start.alone) return moving;
    net += (start?.net ?? 0) + (isTakenOver ? (late?.since?.net ?? 0) : 0);
  }
  return { startAtMs, net };
}

function totalOf(space: SpaceState | null): number {
  return space === null ? 0 : space.entrances - space.exits;
}
