// Redis and InfluxDB for a processor: two loops for each partition that its process owns, the live one ahead of the history one.
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../clock.ts';
import { TemporaryStorageError } from '../../errors.ts';
import type { Ownership } from '../journal.ts';
import type { Loop, ProcessorConfig, ProcessorStorages } from '../open.ts';
import { connect } from './connect.ts';
import { serveRequests } from './control.ts';
import { openRedisFloorplan } from './floorplan.ts';
import { InfluxHistoryWriter } from './history-writer.ts';
import { openRedisJournal } from './journal.ts';
import { LiveWriter } from './live-writer.ts';
import { temporarily } from './redis.ts';

/** Between tries to take a partition over while a server is away. */
const OPEN_RETRY_MS = 500;

/** `ringEvents`: of each DPU's ring, where it is not the usual number. */
export async function openInfluxRedisLoops(config: ProcessorConfig, ringEvents?: number): Promise<ProcessorStorages> {
  const { redis, influx, close } = await connect(config);
  const { partitions, changesKept } = config;
  const journal = openRedisJournal(redis, { partitions, clock: systemClock });
  const floorplan = openRedisFloorplan(redis, systemClock);
  const ownerships = new Map<number, Ownership>();
  const closed = new AbortController();

  const loopsOf = async (live: Ownership, history: Ownership): Promise<Loop[]> => {
    const { partition } = live;
    const liveWriter = await LiveWriter.open(redis, live, ringEvents);
    const { newest } = await journal.lag(partition, Number.MAX_SAFE_INTEGER);
    const parts = { redis, influx, ownership: history, live: liveWriter, partitions, changesKept };
    const historyWriter = await InfluxHistoryWriter.open(parts, newest);
    const shared = { journal, floorplan, close: async () => undefined };
    return [
      { name: 'live', ownership: live, storage: { ...shared, history: liveWriter } },
      { name: 'history', ownership: history, storage: { ...shared, history: historyWriter } },
    ];
  };

  return {
    own: async (onOwned) => {
      // Both groups of a partition come with one lease.
      const pair = (group: 'live' | 'history') => (ownership: Ownership) => {
        const other = ownerships.get(ownership.partition);
        if (other === undefined || other.epoch !== ownership.epoch) {
          ownerships.set(ownership.partition, ownership);
          return;
        }
        ownerships.delete(ownership.partition);
        const [live, history] = group === 'history' ? [other, ownership] : [ownership, other];
        void openPersistently(live, () => loopsOf(live, history)).then((loops) => {
          if (loops !== null) onOwned(loops);
        });
      };
      await journal.own('live', pair('live'));
      await journal.own('history', pair('history'));
    },
    serve: ({ partition, lost }, control) => {
      void serveRequests(redis, partition, control, AbortSignal.any([lost, closed.signal]));
    },
    close: async () => {
      closed.abort();
      await journal.close();
      await floorplan.close();
      await close();
    },
  };
}

/** Tries until it succeeds; null when the partition is lost meanwhile. */
async function openPersistently<Result>(ownership: Ownership, open: () => Promise<Result>): Promise<Result | null> {
  while (!ownership.lost.aborted) {
    try {
      return await temporarily(open);
    } catch (error) {
      if (!(error instanceof TemporaryStorageError)) throw error;
      await delay(OPEN_RETRY_MS);
    }
  }
  return null;
}
