// The embedded back-end for a running service: databases are opened in threads, which may wait for the disk.
import { Turn } from '../../gather.ts';
import { startThread, type Threaded } from '../../thread.ts';
import type { EventsQuery } from '../history.ts';
import type { Storage } from '../open.ts';
import { unpackPage } from './event-columns.ts';
import { commandsOf, connectionsOf } from './fleet-calls.ts';
import type { JournalThread } from './journal-thread.ts';
import type { Serving } from './serving-thread.ts';

/** What the service takes itself goes here, and what its broker workers take is gathered here. */
const PARTITION = 0;

/** `brokerWorkers`: 1 stands for a broker in this process, which shares its partition. */
export async function openEmbedded(
  dataDir: string,
  brokerWorkers: number,
  onFatal: (error: Error) => void,
): Promise<Storage> {
  const start = <Port extends object>(file: string, options: object, calls?: 'at once'): Promise<Threaded<Port>> =>
    startThread<Port>(new URL(file, import.meta.url), { dataDir, ...options }, onFatal, calls);
  const [journal, serving] = await Promise.all([
    start<JournalThread>(
      'journal-thread.ts',
      { partition: PARTITION, workers: brokerWorkers > 1 ? brokerWorkers : 0 },
      'at once',
    ),
    start<Serving>('serving-thread.ts', {}),
  ]);
  const commands = commandsOf(serving);
  return {
    journal: { durability: 'fsync', partitions: 1, append: journal.append, gathered: journal.gathered },
    floorplan: {
      append: serving.append,
      read: serving.read,
      announced: serving.announced,
      markAnnounced: serving.markAnnounced,
      // The data directory belongs to this process alone.
      follow: async () => undefined,
    },
    history: historyOf(serving),
    credentials: {
      put: serving.putCredential,
      find: serving.findCredential,
      keys: serving.credentialKeys,
      newest: serving.newestCredential,
      changes: serving.credentialChanges,
    },
    audit: { append: serving.appendAudit, list: serving.listAudit },
    connections: connectionsOf(serving),
    webhooks: {
      webhooks: serving.webhooks,
      putWebhook: serving.putWebhook,
      addDeliveries: serving.addDeliveries,
      putDelivery: serving.putDelivery,
      deliveries: serving.deliveries,
      delivery: serving.delivery,
      take: async (onTurn) => {
        const given = new AbortController();
        onTurn({ epoch: 0, lost: given.signal });
        return async () => given.abort();
      },
    },
    commands,
    claims: null,
    servers: {},
    processors: null,
    close: async () => {
      await commands.close();
      await Promise.all([journal.close(), serving.close()]);
    },
  };
}

/**
 * The history as the thread reads it, where what every request for a count asks goes together; what was heard of DPUs first, so
 * that no count is older.
 */
function historyOf(serving: Threaded<Serving>): Storage['history'] {
  const turn = new Turn();
  const own = {
    heard: turn.gather(serving.heard),
    counts: turn.gather(serving.counts),
    events: async (query: EventsQuery) => unpackPage(await serving.events(query)),
  };
  return new Proxy({} as Storage['history'], {
    get: (_, method) => Reflect.get(method in own ? own : serving, method),
  });
}
