// The one switch that chooses a storage back-end, for the services that append and ask.
import type { Check } from '../check.ts';
import type { Claims } from '../claims.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { ProcessorControl } from '../processor-control.ts';
import type { AuditTrail } from './audit-trail.ts';
import type { ChangeReader } from './changes.ts';
import type { CommandStore } from './commands.ts';
import type { ConnectionStore } from './connections.ts';
import type { CredentialStore } from './credentials.ts';
import type { FloorplanStore } from './floorplan.ts';
import type { HistoryReader, HistoryWriter } from './history.ts';
import type { Journal, Ownership } from './journal.ts';
import type { LiveReader } from './live.ts';
import type { QuarantineReader } from './quarantine.ts';
import type { RecountReader } from './recounts.ts';
import type { WebhookStore, WebhookTurns } from './webhooks.ts';

export type Storage = {
  readonly journal: Pick<Journal, 'append' | 'durability'> & {
    readonly partitions: number;
    /** Resolves when everything that broker workers had stored at the call stands where the processor reads it. */
    gathered(): Promise<void>;
  };
  readonly floorplan: Omit<FloorplanStore, 'close'>;
  readonly history: Omit<HistoryReader, 'close'> & LiveReader & QuarantineReader & ChangeReader & RecountReader;
  readonly credentials: Omit<CredentialStore, 'close'>;
  readonly connections: Omit<ConnectionStore, 'close'>;
  readonly webhooks: WebhookStore & WebhookTurns;
  readonly commands: Omit<CommandStore, 'close'>;
  /** Between all processes that share the store; null: they are one service, which tells them itself. */
  readonly claims: Claims | null;
  readonly audit: Omit<AuditTrail, 'close'>;
  /** What the store is on, by name; each resolves when it answers. */
  readonly servers: Readonly<Record<string, () => Promise<void>>>;
  /** The processors, wherever they run; null: there is one, in this process, which whoever started it can ask. */
  readonly processors: Omit<ProcessorControl, 'close'> | null;
  close(): Promise<void>;
};

/** Opens the configured back-end. `onFatal` is told when it can only be trusted again after a fresh start. */
export async function openStorage(config: Config, onFatal: (error: Error) => void): Promise<Storage> {
  switch (config.storage) {
    case 'embedded': {
      const { openEmbedded } = await import('./sqlite/open.ts');
      return openEmbedded(config.dataDir, config.brokerWorkers, onFatal);
    }
    case 'influx-redis': {
      const { openInfluxRedis } = await import('./influx-redis/open.ts');
      return openInfluxRedis(config);
    }
  }
}

/** How the servers of the configured back-end are, for people: reachable, safe, at the same time. */
export async function inspectServers(config: Config, clock: Clock): Promise<Check[]> {
  return config.storage === 'embedded' ? [] : (await import('./influx-redis/inspect.ts')).inspect(config, clock);
}

/** What a broker needs: the way into the journal, and who and what is known. */
export type BrokerStorage = Pick<Storage, 'journal' | 'floorplan' | 'connections' | 'commands' | 'claims' | 'close'> & {
  readonly credentials: Pick<CredentialStore, 'find' | 'newest' | 'changes'>;
};

/** Opens the configured back-end for the broker worker in `slot` (from 1 on), beside the service that it belongs to. */
export async function openBrokerStorage(
  config: Config,
  slot: number,
  onFatal: (error: Error) => void,
): Promise<BrokerStorage> {
  if (config.storage === 'influx-redis') return openStorage(config, onFatal);
  const { openEmbeddedWorker } = await import('./sqlite/open-worker.ts');
  return openEmbeddedWorker(config.dataDir, slot, onFatal);
}

/** A store that another one is copied into: what is recorded there keeps the time at which it was. */
export type CopyTarget = Pick<Storage, 'floorplan' | 'history' | 'processors' | 'close'> & {
  readonly journal: Pick<Storage['journal'], 'append' | 'partitions'>;
};

/** Opens the configured back-end so that it records by `clock`. */
export async function openCopyTarget(config: Config, clock: Clock): Promise<CopyTarget> {
  switch (config.storage) {
    case 'embedded': {
      const { openEmbeddedInline } = await import('./sqlite/open-inline.ts');
      return openEmbeddedInline(config.dataDir, clock);
    }
    case 'influx-redis': {
      const { openInfluxRedis } = await import('./influx-redis/open.ts');
      return openInfluxRedis(config, clock);
    }
  }
}

/** What one loop of a processor works on. */
export type ProcessorStorage = {
  readonly journal: Pick<Journal, 'own' | 'read' | 'commit' | 'lag'>;
  readonly floorplan: Pick<FloorplanStore, 'read'>;
  readonly history: HistoryWriter;
  close(): Promise<void>;
};

/** A loop over one partition: each has a cursor of its own, and none overtakes the one before it. */
export type Loop = { readonly name: string; readonly ownership: Ownership; readonly storage: ProcessorStorage };

/** What a process of processors works on. */
export type ProcessorStorages = {
  /** Calls `onOwned` with the loops of each partition that this process owns, now and whenever it is given more. */
  own(onOwned: (loops: readonly Loop[]) => void): Promise<void>;
  /** Lets the partition be asked by other processes, for as long as it is owned. */
  serve(ownership: Ownership, control: Omit<ProcessorControl, 'close'>): void;
  close(): Promise<void>;
};

export type ProcessorConfig = Pick<
  Config,
  'storage' | 'dataDir' | 'redisUrl' | 'redisUnsafe' | 'influx' | 'partitions' | 'changesKept' | 'logLevel' | 'traces'
>;

/** Opens the configured back-end for a processor, which for the embedded one works in the calling thread. */
export async function openProcessorStorages(config: ProcessorConfig): Promise<ProcessorStorages> {
  switch (config.storage) {
    case 'embedded': {
      const { openEmbeddedLoops } = await import('./sqlite/open-processor.ts');
      return openEmbeddedLoops(config.dataDir);
    }
    case 'influx-redis': {
      const { openInfluxRedisLoops } = await import('./influx-redis/open-processor.ts');
      return openInfluxRedisLoops(config);
    }
  }
}
