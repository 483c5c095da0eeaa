// The processor as a service: every partition that this process owns, in a thread or a process of its own.
import { type Clock, systemClock } from '../shared/clock.ts';
import { CommandFailure } from '../shared/commands/command.ts';
import type { Config } from '../shared/config.ts';
import type { RunningService } from '../shared/core.ts';
import { createLog, type Log } from '../shared/log.ts';
import type { LocalProcessor } from '../shared/processor-control.ts';
import { openProcessorStorages, type ProcessorConfig, type ProcessorStorages } from '../shared/storage/open.ts';
import { serveThread, startThread, type Threaded } from '../shared/thread.ts';
import { openTraces } from '../shared/traces/traces.ts';
import { PartitionProcessor } from './partition.ts';
import { Tally } from './tally.ts';

/** Starts a processor in a thread of its own. `onFatal` is told when only a fresh start can go on. */
export function startProcessor(config: Config, onFatal: (error: Error) => void): Promise<Threaded<LocalProcessor>> {
  const { storage, dataDir, logLevel, redisUrl, redisUnsafe, influx, partitions, changesKept, traces } = config;
  const options: ProcessorConfig = {
    storage,
    dataDir,
    logLevel,
    redisUrl,
    redisUnsafe,
    influx,
    partitions,
    changesKept,
    traces,
  };
  return startThread<LocalProcessor>(new URL(import.meta.url), options, onFatal);
}

/** The processor as a process of its own. */
export async function runProcessor(config: Config, log: Log): Promise<RunningService> {
  const processor = await openProcessor(config).catch((error: Error) => {
    throw new CommandFailure(`cannot start: ${error.message}`);
  });
  // Here only: with node:http, a thread that has no use for it would take 7 MB more.
  const { openMetrics } = await import('../shared/metrics/listener.ts');
  const metrics = await openMetrics(config, log, [processor.measure]);
  log.info('takes its share of the partitions');
  const close = async () => {
    await metrics.close();
    await processor.close();
  };
  return { where: `${metrics.where}processor=${process.pid}`, close };
}

/** A processor of all partitions that this process may own, in the calling thread; resolves once it owns its first. */
export async function openProcessor(config: ProcessorConfig): Promise<LocalProcessor> {
  return runLoops(config, await openProcessorStorages(config), systemClock);
}

/** A processor on `storages`; what it does by the time of day, it does by `clock`. */
export async function runLoops(
  config: Pick<ProcessorConfig, 'storage' | 'logLevel' | 'traces'>,
  storages: ProcessorStorages,
  clock: Clock,
): Promise<LocalProcessor> {
  const log = createLog(config.logLevel);
  const owned = new Set<PartitionProcessor>();
  const tally = new Tally();
  const traces = await openTraces(config.traces, clock, log);
  const { promise: first, resolve } = Promise.withResolvers<void>();
  await storages.own((loops) => {
    const processor = new PartitionProcessor(loops, clock, log, tally, traces);
    owned.add(processor);
    // A rejection is not caught: an error that is not for retrying ends the thread, and with it the service.
    void processor.ended().then(() => owned.delete(processor));
    const ownership = loops[0]?.ownership;
    if (ownership !== undefined) storages.serve(ownership, processor);
    resolve();
  });
  // With several processes all partitions may be taken; this one then stands by.
  if (config.storage === 'embedded') await first;
  const only = (): PartitionProcessor => {
    const [processor] = owned;
    if (processor === undefined) throw new Error('no partition is owned here');
    return processor;
  };
  return {
    applied: async (factNumber, timeoutMs) => every(owned, (processor) => processor.applied(factNumber, timeoutMs)),
    caughtUp: async (timeoutMs) => every(owned, (processor) => processor.caughtUp(timeoutMs)),
    verify: async () => only().verify(),
    rebuild: async () => only().rebuild(),
    backlog: async () => (await Promise.all([...owned].map((processor) => processor.backlog()))).flat(),
    measure: async () => tally.measure(),
    close: async () => {
      await Promise.all([...owned].map((processor) => processor.close()));
      await storages.close();
      await traces?.close();
    },
  };
}

async function every<Item>(items: Iterable<Item>, isDone: (item: Item) => Promise<boolean>): Promise<boolean> {
  const done = await Promise.all([...items].map(isDone));
  return done.every(Boolean);
}

serveThread((config: ProcessorConfig) => openProcessor(config));
