// The embedded back-end for a broker worker: a journal partition of its own, and what the primary's databases say.
import { startThread, type Threaded } from '../../thread.ts';
import type { BrokerStorage } from '../open.ts';
import { commandsOf, connectionsOf } from './fleet-calls.ts';
import type { JournalThread } from './journal-thread.ts';
import { followNews } from './news.ts';
import type { PlanThread } from './plan-thread.ts';

export async function openEmbeddedWorker(
  dataDir: string,
  slot: number,
  onFatal: (error: Error) => void,
): Promise<BrokerStorage> {
  const start = <Port extends object>(file: string, options: object, calls?: 'at once'): Promise<Threaded<Port>> =>
    startThread<Port>(new URL(file, import.meta.url), { dataDir, ...options }, onFatal, calls);
  const [journal, plan] = await Promise.all([
    start<JournalThread>('journal-thread.ts', { partition: slot, workers: 0 }, 'at once'),
    start<PlanThread>('plan-thread.ts', {}),
  ]);
  const commands = commandsOf(plan);
  let onAnnounced = () => {};
  let onQueued = () => {};
  const unfollow = followNews(plan.nextNews, { announced: () => onAnnounced(), command: () => onQueued() });
  return {
    journal: { durability: 'fsync', partitions: 1, append: journal.append, gathered: async () => undefined },
    floorplan: {
      append: () => Promise.reject(new Error('facts are recorded by the primary')),
      read: plan.read,
      announced: plan.announced,
      markAnnounced: async () => undefined,
      follow: async (callback) => {
        onAnnounced = callback;
        callback();
      },
    },
    credentials: { find: plan.find, newest: plan.newest, changes: plan.changes },
    connections: connectionsOf(plan),
    commands: {
      ...commands,
      follow: async (callback) => {
        onQueued = callback;
        callback();
      },
    },
    claims: null,
    close: async () => {
      unfollow();
      await Promise.all([journal.close(), plan.close()]);
    },
  };
}
