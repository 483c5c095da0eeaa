// The processor as a service: in a thread of the embedded service, with the storage that the configuration names.
import { systemClock } from '../shared/clock.ts';
import type { Config } from '../shared/config.ts';
import { createLog } from '../shared/log.ts';
import type { ProcessorControl } from '../shared/processor-control.ts';
import { openProcessorStorage } from '../shared/storage/open.ts';
import { serveThread, startThread, type Threaded } from '../shared/thread.ts';
import { Processor } from './processor.ts';

type Options = Pick<Config, 'storage' | 'dataDir' | 'logLevel'>;

/** Starts a processor in a thread of its own. `onFatal` is told when only a fresh start can go on. */
export function startProcessor(config: Config, onFatal: (error: Error) => void): Promise<Threaded<ProcessorControl>> {
  const { storage, dataDir, logLevel } = config;
  return startThread<ProcessorControl>(
    new URL(import.meta.url),
    { storage, dataDir, logLevel } satisfies Options,
    onFatal,
  );
}

/** A processor of all partitions that this process may own, in the calling thread. */
export async function openProcessor(options: Options): Promise<ProcessorControl> {
  const storage = await openProcessorStorage(options);
  const log = createLog(options.logLevel);
  const { promise, resolve } = Promise.withResolvers<Processor>();
  await storage.journal.own('processor', (ownership) => {
    const processor = new Processor(storage, ownership, systemClock, log);
    // Not caught: an error that is not for retrying ends the thread, and with it the service.
    void processor.run();
    resolve(processor);
  });
  return promise;
}

serveThread((options: Options) => openProcessor(options));
