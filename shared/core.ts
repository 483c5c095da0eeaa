// What every service that takes or answers something stands on: storage, the way into the journal, the floor plan, ingest.
import { Access } from './access.ts';
import type { Claims } from './claims.ts';
import { systemClock } from './clock.ts';
import { CommandFailure, WrongUse } from './commands/command.ts';
import type { Config } from './config.ts';
import { FloorplanService } from './floorplan-service.ts';
import { Ingest } from './ingest.ts';
import { JournalWriter } from './journal-writer.ts';
import type { Log } from './log.ts';
import { gauge, type Measure } from './metrics/reading.ts';
import type { ProcessorControl } from './processor-control.ts';
import type { CommandStore } from './storage/commands.ts';
import type { ConnectionStore } from './storage/connections.ts';
import { type BrokerStorage, openBrokerStorage, openStorage, type Storage } from './storage/open.ts';
import { openTraces } from './traces/traces.ts';

/** What a broker stands on. */
export type BrokerCore = {
  readonly access: Access;
  readonly floorplan: FloorplanService;
  readonly ingest: Ingest;
  /** Null: the service has to tell its processes itself. */
  readonly claims: Claims | null;
  /** What this process has taken and not yet stored. */
  readonly measure: Measure;
  readonly connections: Omit<ConnectionStore, 'close'>;
  readonly commands: Omit<CommandStore, 'close'>;
  /** Counts below this are not told to keys that may only read; null: all are told. */
  readonly suppressBelow: number | null;
  /** Stores what has been taken, then closes the storage. */
  close(): Promise<void>;
};

export type Core = BrokerCore & {
  readonly storage: Storage;
  readonly processors: Omit<ProcessorControl, 'close'>;
};

/** Ends the process: what was acknowledged is stored, and only a fresh start can be trusted. */
export function endOnFatal(log: Log): (error: Error) => never {
  return (error) => {
    log.fatal({ err: error }, 'cannot go on; what was acknowledged is stored');
    process.exit(1);
  };
}

/** `processor`: the one in this process, for a back-end whose processors cannot be asked from elsewhere. */
export async function openCore(config: Config, log: Log, processor: ProcessorControl | null): Promise<Core> {
  const storage = await openOrFail(openStorage(config, endOnFatal(log)));
  const asked = storage.processors ?? processor;
  if (asked === null) throw new Error('this back-end needs its processor in the same process');
  const caughtUp = async (timeoutMs: number) => {
    await storage.journal.gathered();
    return asked.caughtUp(timeoutMs);
  };
  const { applied, backlog, verify, rebuild } = asked;
  const processors = { applied, backlog, caughtUp, verify, rebuild };
  return { storage, processors, ...(await standOn(storage, config, log, processors)) };
}

/** What the broker worker in `slot` stands on, beside the service that it belongs to. */
export async function openBrokerCore(config: Config, log: Log, slot: number): Promise<BrokerCore> {
  const storage = await openOrFail(openBrokerStorage(config, slot, endOnFatal(log)));
  // It records no facts, so it never waits for one to be applied.
  return standOn(storage, config, log, { applied: async () => true });
}

async function openOrFail<Opened>(opening: Promise<Opened>): Promise<Opened> {
  return opening.catch((error: Error) => {
    throw new CommandFailure(`cannot start: ${error.message}`);
  });
}

async function standOn(
  storage: BrokerStorage,
  config: Config,
  log: Log,
  processors: Pick<ProcessorControl, 'applied'>,
): Promise<BrokerCore> {
  const traces = await openTraces(config.traces, systemClock, log);
  const writer = new JournalWriter(storage.journal, storage.journal.partitions, systemClock, log, traces);
  const floorplan = new FloorplanService(storage.floorplan, writer, processors);
  await floorplan.load();
  const { futureAllowedMs, latenessAllowedMs, suppressBelow } = config;
  const ingest = new Ingest({ writer, plan: floorplan.plan, clock: systemClock, futureAllowedMs, latenessAllowedMs });
  const isLoopback = config.exposedHosts.length === 0;
  const { adminKey } = config;
  const access = new Access({ store: storage.credentials, clock: systemClock, adminKey, isLoopback });
  const close = async () => {
    access.close();
    await writer.drained();
    await traces?.close();
    await storage.close();
  };
  const measure: Measure = async () => [
    gauge('footfall_journal_waiting_bytes', 'Taken and not yet stored, so not acknowledged', writer.waitingBytes),
    gauge('footfall_journal_failing', '1 while the journal takes no appends', Number(writer.failing)),
  ];
  const { claims, connections, commands } = storage;
  return { access, floorplan, ingest, claims, connections, commands, suppressBelow, measure, close };
}

/** Throws WrongUse when others than this machine could use a service that asks nobody for a key. */
export async function refuseOpenDoors(access: Access, { exposedHosts }: Config): Promise<void> {
  if (exposedHosts.length === 0 || (await access.hasCredentials())) return;
  const faults = exposedHosts.map(
    (host) =>
      `${host} can be reached from outside, which needs credentials: set FOOTFALL_ADMIN_KEY, make a key ` +
      '(npm run footfall -- key create --scope admin), or use a loopback address such as 127.0.0.1',
  );
  throw new WrongUse(faults.join('\n'));
}

/** What a running service is: where it can be reached, for the ready line, and its end. */
export type RunningService = { readonly where: string; close(): Promise<void> };

/** `error` as what to do about it, when a port could not be had. */
export function listenFailure(error: unknown): unknown {
  if ((error as { syscall?: string }).syscall !== 'listen') return error;
  const reason = (error as Error).message;
  return new CommandFailure(
    `cannot listen: ${reason}; set FOOTFALL_HTTP_PORT, FOOTFALL_MQTT_PORT, FOOTFALL_METRICS_PORT to free ports`,
  );
}
