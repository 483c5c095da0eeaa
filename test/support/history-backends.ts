// A history of one partition on each back-end, written to as the processor does, for tests of what all of them promise.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { readConfig } from '../../shared/config.ts';
import type { ChangeReader } from '../../shared/storage/changes.ts';
import type { HistoryReader, HistoryWriter } from '../../shared/storage/history.ts';
import { connect } from '../../shared/storage/influx-redis/connect.ts';
import { InfluxHistoryWriter } from '../../shared/storage/influx-redis/history-writer.ts';
import { keys } from '../../shared/storage/influx-redis/keys.ts';
import { LiveWriter } from '../../shared/storage/influx-redis/live-writer.ts';
import { openInfluxRedis } from '../../shared/storage/influx-redis/open.ts';
import type { LiveReader } from '../../shared/storage/live.ts';
import type { RecountReader } from '../../shared/storage/recounts.ts';
import { openHistoryReader } from '../../shared/storage/sqlite/history-reader.ts';
import { openHistoryWriter } from '../../shared/storage/sqlite/history-writer.ts';
import { whyNoInflux, whyNoRedis } from './servers.ts';
import { newInfluxRedis } from './storage.ts';

export type Written = Pick<HistoryWriter, 'commit' | 'takeFacts' | 'moveResets' | 'recountSome' | 'progress'>;
export type Read = Omit<HistoryReader, 'close'> & LiveReader & ChangeReader & RecountReader;

/** What happens to a script on its way to Redis: it is carried out or not, and its answer is lost. */
export type Loss = { readonly script: string; readonly isCarriedOut: boolean };

export type HistoryPlace = {
  readonly reader: Read;
  /** A writer that starts from what is stored. */
  openWriter(): Promise<Written>;
  /** The next call of a script has no answer; only where `canLose`. */
  lose(loss: Loss): void;
  close(): Promise<void>;
};

export type HistoryBackend = {
  readonly name: string;
  /** Why it cannot be tested here; null: it can. */
  readonly missing: string | null;
  readonly canLose: boolean;
  open(changesKept?: number): Promise<HistoryPlace>;
};

export const HISTORY_BACKENDS: readonly HistoryBackend[] = [
  { name: 'sqlite', missing: null, canLose: false, open: openOnSqlite },
  { name: 'influx-redis', missing: whyNoRedis() ?? whyNoInflux(), canLose: true, open: openOnServers },
];

async function openOnSqlite(): Promise<HistoryPlace> {
  const dataDir = mkdtempSync(join(tmpdir(), 'footfall-history-'));
  const writers: HistoryWriter[] = [];
  const openWriter = async () => {
    writers.push(openHistoryWriter(dataDir));
    return writers.at(-1) as HistoryWriter;
  };
  await openWriter();
  const reader = openHistoryReader(dataDir);
  return {
    reader,
    openWriter,
    lose: () => undefined,
    close: async () => {
      for (const writer of writers) await writer.close();
      await reader.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function openOnServers(changesKept = 1_000_000): Promise<HistoryPlace> {
  const { config } = readConfig({ ...(await newInfluxRedis()), FOOTFALL_PARTITIONS: '1' });
  const storage = await openInfluxRedis(config);
  const { redis, influx, close } = await connect(config);
  await redis.hset(keys.lease(0), 'epoch', 1);
  const ownership = { partition: 0, epoch: 1, lost: new AbortController().signal };
  let loss: Loss | null = null;
  const losing = new Proxy(redis, {
    get: (target, name) => {
      const value = Reflect.get(target, name);
      if (name !== 'eval') return typeof value === 'function' ? value.bind(target) : value;
      return async (...call: Parameters<Redis['eval']>) => {
        const isMeant = loss !== null && String(call[0]).includes(loss.script);
        if (!isMeant) return target.eval(...call);
        const { isCarriedOut } = loss as Loss;
        loss = null;
        if (isCarriedOut) await target.eval(...call);
        throw new Error('Command timed out');
      };
    },
  });
  return {
    reader: storage.history,
    openWriter: async () => {
      const live = await LiveWriter.open(redis, ownership);
      const parts = { redis: losing, influx, ownership, live, partitions: 1, changesKept };
      return bothGroups(live, await InfluxHistoryWriter.open(parts, 0));
    },
    lose: (next) => {
      loss = next;
    },
    close: async () => {
      await storage.close();
      await close();
    },
  };
}

/** As the two loops of a processor: the live group first. What it has stored before it does not store again. */
function bothGroups(live: LiveWriter, history: InfluxHistoryWriter): Written {
  const isNew = async (position: number) => (await live.progress()).position < position;
  return {
    progress: () => history.progress(),
    commit: async (batch, endOf) => {
      if (await isNew(batch.position)) await live.commit(batch);
      return history.commit(batch, endOf);
    },
    takeFacts: async (taken) => {
      if (await isNew(taken.position)) await live.takeFacts(taken);
      await history.takeFacts(taken);
    },
    moveResets: async (partition, move) => {
      await live.moveResets(partition, move);
      await history.moveResets(partition, move);
    },
    recountSome: (endOf) => history.recountSome(endOf),
  };
}
