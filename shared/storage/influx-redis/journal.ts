// The journal on Redis Streams: a stream for each partition, an entry for each append, durable when the server syncs always.
//
//   append ──▶ journal-append.lua (once per appender and seq) ──▶ stream ──▶ read by the owner ──▶ trimmed behind the last group
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Clock } from '../../clock.ts';
import { FencedError } from '../fenced.ts';
import type { Entry, Journal, Ownership } from '../journal.ts';
import { keys } from './keys.ts';
import { Leases } from './leases.ts';
import { temporarily } from './redis.ts';
import { runScript } from './scripts.ts';
import { lagOf, readEntries } from './stream-entries.ts';

/** Pending in one partition, unless the server has a limit: of that, half for the journals of all partitions. */
const JOURNAL_BYTES_MAX = 1024 ** 3;
/** A process that has not appended for so long is gone. */
const APPENDER_REMEMBERED_MS = 7 * 86_400_000;
/** Between looks for new entries; together with the append it is what a live count is behind. */
const POLL_MS = 10;
/** Between tries while the server is away. */
const RETRY_MS = 200;
/** Entries trimmed in one call, so that it does not hold up appends. */
const TRIM_COUNT = 200;

export type RedisJournalOptions = { readonly partitions: number; readonly clock: Clock; readonly bytesMax?: number };

/** The group that others must not overtake, and the one that follows it and after which nothing is needed. */
const FIRST = 'live';
const LAST = 'history';

export function openRedisJournal(redis: Redis, options: RedisJournalOptions): Journal {
  const { partitions, clock } = options;
  const closed = new AbortController();
  const groupOf = new WeakMap<Ownership, string>();
  const onOwned = new Map<string, (ownership: Ownership) => void>();
  /** By partition, what the first group has committed. */
  const committed = new Map<number, number>();
  let leases: Leases | undefined;
  let { bytesMax } = options;

  const isOver = (ownership: Ownership) => closed.signal.aborted || leases?.holds(ownership) !== true;

  const next = async (ownership: Ownership, after: number, maxBytes: number): Promise<Entry[]> => {
    const { partition } = ownership;
    const isBounded = groupOf.get(ownership) === LAST && onOwned.has(FIRST);
    const upTo = isBounded ? (committed.get(partition) ?? 0) : null;
    return upTo !== null && upTo <= after ? [] : readEntries(redis, partition, { after, upTo, maxBytes });
  };

  return {
    durability: 'fsync',
    append: async (partition, bytes, id, notBeforeMs = 0) => {
      bytesMax ??= await journalBudget(redis, partitions);
      const names = [keys.journal(partition), keys.journalMeta(partition), keys.appender(partition, id.appender)];
      const args = [
        id.appender,
        id.seq,
        clock.nowMs(),
        notBeforeMs,
        Buffer.from(bytes),
        bytesMax,
        APPENDER_REMEMBERED_MS,
      ];
      const answer = await runScript(redis, 'journal-append', names, args);
      if (answer === -1) throw new Error('the journal is full; is a processor running?');
    },
    own: async (group, owned) => {
      onOwned.set(group, owned);
      // Both groups of a partition come with one lease; it is taken once the last of them is there.
      if (group === FIRST) return;
      leases = new Leases(redis, partitions, clock, (ownership) => {
        for (const [name, callback] of onOwned) {
          const own: Ownership = { ...ownership };
          groupOf.set(own, name);
          callback(own);
        }
      });
      await leases.start();
    },
    read: async (ownership, after, { maxBytes }) => {
      while (!isOver(ownership)) {
        try {
          const entries = await next(ownership, after, maxBytes);
          // Asked again after the read, which may have waited while the process was stopped.
          if (entries.length > 0) return isOver(ownership) ? [] : entries;
          await delay(POLL_MS);
        } catch {
          await delay(RETRY_MS);
        }
      }
      return [];
    },
    commit: async (ownership, position) => {
      const { partition, epoch } = ownership;
      if (isOver(ownership)) throw new FencedError(`partition ${partition} has been given up`);
      if (groupOf.get(ownership) === FIRST) {
        committed.set(partition, position);
        return;
      }
      const names = [keys.journal(partition), keys.journalMeta(partition), keys.lease(partition)];
      for (;;) {
        const args = [epoch, position, TRIM_COUNT];
        const trimmed = await temporarily(() => runScript(redis, 'journal-trim', names, args));
        if (Number(trimmed) < TRIM_COUNT) return;
      }
    },
    lag: (partition, after) =>
      temporarily(async () => {
        bytesMax ??= await journalBudget(redis, partitions);
        return { ...(await lagOf(redis, partition, after)), bytesMax };
      }),
    close: async () => {
      closed.abort();
      await leases?.close();
    },
  };
}

/** Half of what the server may use, shared by the partitions: the other half drains what is pending. */
export async function journalBudget(redis: Redis, partitions: number): Promise<number> {
  const [, maxmemory = '0'] = (await redis.config('GET', 'maxmemory').catch(() => [])) as string[];
  const limit = Number(maxmemory);
  return limit === 0 ? JOURNAL_BYTES_MAX : Math.floor(limit / 2 / partitions);
}
