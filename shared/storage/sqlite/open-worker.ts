// The embedded back-end for a broker worker: a journal partition of its own, and what the primary's databases say.
import { startThread, type Threaded } from '../../thread.ts';
import type { BrokerStorage } from '../open.ts';
import { commandsOf, connectionsOf } from './fleet-calls.ts';
import type { JournalThread } from './journal-thread.ts';
import type { PlanThread } from './plan-thread.ts';

/** Between looks for facts that have been announced. */
const FOLLOW_MS = 100;

export async function openEmbeddedWorker(
  dataDir: string,
  slot: number,
  onFatal: (error: Error) => void,
): Promise<BrokerStorage> {
  const start = <Port extends object>(file: string, options: object): Promise<Threaded<Port>> =>
    startThread<Port>(new URL(file, import.meta.url), { dataDir, ...options }, onFatal);
  const [journal, plan] = await Promise.all([
    start<JournalThread>('journal-thread.ts', { partition: slot, workers: 0 }),
    start<PlanThread>('plan-thread.ts', {}),
  ]);
  const commands = commandsOf(plan);
  let timer: NodeJS.Timeout | undefined;
  const follow = async (onAnnounced: () => void): Promise<void> => {
    let known = await plan.announced();
    const look = async () => {
      const announced = await plan.announced();
      if (announced > known) onAnnounced();
      known = announced;
    };
    // What fails is looked at again.
    timer = setInterval(() => void look().catch(() => undefined), FOLLOW_MS).unref();
  };
  return {
    journal: { durability: 'fsync', partitions: 1, append: journal.append, gathered: async () => undefined },
    floorplan: {
      append: () => Promise.reject(new Error('facts are recorded by the primary')),
      read: plan.read,
      announced: plan.announced,
      markAnnounced: async () => undefined,
      follow,
    },
    credentials: { find: plan.find, newest: plan.newest, changes: plan.changes },
    connections: connectionsOf(plan),
    commands,
    claims: null,
    close: async () => {
      clearInterval(timer);
      await commands.close();
      await Promise.all([journal.close(), plan.close()]);
    },
  };
}
