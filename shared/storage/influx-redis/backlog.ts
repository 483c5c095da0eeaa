// What stands in the journals and has not been taken in, from the cursors and counters in Redis: no entry but the first is read.
import type { Redis } from 'ioredis';
import type { Backlog } from '../../processor-control.ts';
import { journalBudget } from './journal.ts';
import { keys, PROGRESS_FIELD } from './keys.ts';
import type { GroupProgress } from './partition-hash.ts';
import { readEntries } from './stream-entries.ts';

export async function backlogOf(redis: Redis, partitions: number): Promise<Backlog[]> {
  const bytesMax = await journalBudget(redis, partitions);
  const of = async (partition: number): Promise<Backlog> => {
    const [newest, bytes] = await redis.hmget(keys.journalMeta(partition), 'position', 'bytes');
    const entries = await redis.xlen(keys.journal(partition));
    const loops = await Promise.all([
      loopOf(redis, partition, 'live', keys.live(partition), Number(newest ?? 0)),
      loopOf(redis, partition, 'history', keys.late(partition), Number(newest ?? 0)),
    ]);
    return { partition, entries, bytes: Number(bytes ?? 0), bytesMax, loops };
  };
  return Promise.all(Array.from({ length: partitions }, (_, partition) => of(partition)));
}

async function loopOf(redis: Redis, partition: number, name: string, key: string, newest: number) {
  const text = await redis.hget(key, PROGRESS_FIELD);
  const after = text === null ? 0 : (JSON.parse(text) as GroupProgress).position;
  if (newest <= after) return { name, entries: 0, oldestMs: null };
  const [first] = await readEntries(redis, partition, { after, upTo: null, maxBytes: 0, count: 1 });
  // Positions of one partition are consecutive; before the first cursor they count from the first entry.
  const entries = first === undefined ? 0 : newest - first.position + 1;
  return { name, entries, oldestMs: first?.recordedAtMs ?? null };
}
