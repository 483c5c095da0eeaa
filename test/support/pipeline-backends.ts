// What a pipeline stands on: the embedded store in memory, or a database of a real Redis and an organization of a real InfluxDB.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { runLoops } from '../../processor/main.ts';
import { Processor } from '../../processor/processor.ts';
import type { Clock } from '../../shared/clock.ts';
import { readConfig } from '../../shared/config.ts';
import { createLog } from '../../shared/log.ts';
import type { ProcessorControl } from '../../shared/processor-control.ts';
import type { HistoryWriter } from '../../shared/storage/history.ts';
import { connect } from '../../shared/storage/influx-redis/connect.ts';
import { keys } from '../../shared/storage/influx-redis/keys.ts';
import { HOUR_MS, markOf } from '../../shared/storage/influx-redis/marking.ts';
import { openInfluxRedis } from '../../shared/storage/influx-redis/open.ts';
import { openInfluxRedisLoops } from '../../shared/storage/influx-redis/open-processor.ts';
import type { Storage } from '../../shared/storage/open.ts';
import { openFloorplan } from '../../shared/storage/sqlite/floorplan.ts';
import { openHistoryReader } from '../../shared/storage/sqlite/history-reader.ts';
import { openHistoryWriter } from '../../shared/storage/sqlite/history-writer.ts';
import { openJournalAppender } from '../../shared/storage/sqlite/journal-appender.ts';
import { openJournalReader } from '../../shared/storage/sqlite/journal-reader.ts';
import { newInfluxRedis } from './storage.ts';

/** Memory where there is such a folder: these tests are about order, not about the disk. */
const FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
/** So few that events are often older than their DPU's ring, and are looked up. */
const RING_EVENTS = 3;

export type Backend = {
  readonly journal: Pick<Storage['journal'], 'append'>;
  readonly floorplan: Storage['floorplan'];
  readonly reader: Storage['history'];
  readonly partitions: number;
  startProcessor(): Promise<Omit<ProcessorControl, 'backlog'>>;
  /** Resolves when the work that can wait for a quiet moment has been done for all that is over at `nowMs`. */
  tidy(nowMs: number): Promise<void>;
  close(): Promise<void>;
};

export async function openEmbeddedBackend(clock: Clock): Promise<Backend> {
  const dataDir = mkdtempSync(join(FOLDER, 'footfall-'));
  const appender = openJournalAppender(dataDir, 0, clock);
  const floorplan = openFloorplan(dataDir, clock);
  const reader = openHistoryReader(dataDir);
  let history: HistoryWriter;
  return {
    journal: appender,
    floorplan,
    reader,
    partitions: 1,
    startProcessor: async () => {
      const journal = openJournalReader(dataDir, 1);
      history = openHistoryWriter(dataDir);
      const close = async () => {
        await journal.close();
        await history.close();
      };
      const { promise, resolve } = Promise.withResolvers<Processor>();
      await journal.own('processor', (ownership) => {
        const storage = { journal, floorplan, history, close };
        const opened = new Processor(storage, ownership, clock, createLog('silent'));
        opened.run().catch((error) => {
          throw error;
        });
        resolve(opened);
      });
      return promise;
    },
    tidy: async (nowMs) => {
      while (await history.tidy(nowMs));
    },
    close: async () => {
      await reader.close();
      await appender.close();
      await floorplan.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export async function openInfluxRedisBackend(clock: Clock): Promise<Backend> {
  const { config } = readConfig({ ...(await newInfluxRedis()), FOOTFALL_PARTITIONS: '2' });
  const storage = await openInfluxRedis(config, clock);
  const { redis, close } = await connect(config);
  const { partitions } = config;
  const processors = storage.processors as ProcessorControl;
  const marks = async () => {
    const all: string[] = [];
    for (let owner = 0; owner < partitions; owner++) {
      for (const space of await redis.smembers(keys.dirtySpaces(owner))) {
        all.push(...(await redis.hkeys(keys.dirty(owner, space))));
      }
    }
    return all.map(markOf);
  };
  return {
    journal: storage.journal,
    floorplan: storage.floorplan,
    reader: storage.history,
    partitions,
    startProcessor: async () => {
      const storages = await openInfluxRedisLoops(config, RING_EVENTS);
      const running = await runLoops({ storage: 'influx-redis', logLevel: 'silent', traces: null }, storages, clock);
      return { ...processors, close: running.close };
    },
    tidy: async (nowMs) => {
      const isDue = ({ level, number }: ReturnType<typeof markOf>) =>
        level === 'hour' && (number + 1) * HOUR_MS < nowMs - 10 * HOUR_MS;
      await vi.waitFor(async () => expectNone((await marks()).filter(isDue)), { timeout: 20_000, interval: 20 });
    },
    close: async () => {
      await storage.close();
      await close();
    },
  };
}

function expectNone(left: readonly unknown[]): void {
  if (left.length > 0) throw new Error(`${left.length} rollups are still to be made`);
}
