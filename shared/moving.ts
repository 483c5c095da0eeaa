// Both stores of a copy, opened: each with a processor that takes in what is in its journal.
import { type Clock, systemClock } from './clock.ts';
import { CommandFailure } from './commands/command.ts';
import type { Moving } from './commands/copy.ts';
import type { Config } from './config.ts';
import { Copier } from './copy.ts';
import { endOnFatal } from './core.ts';
import { Floorplan } from './floorplan.ts';
import type { ProcessorControl } from './processor-control.ts';
import { configure, lockOrFail } from './service-configuration.ts';
import { openCopyTarget } from './storage/open.ts';

/** What a crash left in the journal of the source, taken in before it is read. */
const CAUGHT_UP_TIMEOUT_MS = 600_000;

/** Throws CommandFailure when one of them cannot be opened, or a service holds the data directory. */
export async function openMoving(
  from: Config['storage'],
  to: Config['storage'],
  startProcessor: (config: Config, onFatal: (error: Error) => void) => Promise<ProcessorControl>,
): Promise<Moving> {
  const { config, log } = configure();
  const release = lockOrFail(config, 0);
  const time = { nowMs: 0 };
  const openSide = async (storage: Config['storage'], clock: Clock) => {
    const of = { ...config, storage };
    const opened = await openCopyTarget(of, clock).catch((error: Error) => {
      throw new CommandFailure(`${storage} cannot be opened: ${error.message}`);
    });
    const processor = await startProcessor(of, endOnFatal(log));
    const processors = opened.processors ?? processor;
    const close = async () => {
      await processor.close();
      await opened.close();
    };
    return { ...opened, processors, close };
  };
  const source = await openSide(from, systemClock);
  await source.processors.caughtUp(CAUGHT_UP_TIMEOUT_MS);
  const target = await openSide(to, { nowMs: () => time.nowMs, monotonicMs: systemClock.monotonicMs });
  const plan = new Floorplan();
  for (
    let facts = await source.floorplan.read(0);
    facts.length > 0;
    facts = await source.floorplan.read(plan.factNumber)
  ) {
    for (const fact of facts) plan.apply(fact);
  }
  const edge = async (order: 'asc' | 'desc') => {
    const span = { fromMs: 0, untilMs: Date.UTC(2200, 0, 1) };
    const [event] = (await source.history.events({ by: 'timestamp', order, span, limit: 1 })).results;
    return event?.timestampMs ?? 0;
  };
  return {
    spaceIds: [...plan.spaces.keys()],
    from: source.history,
    to: target.history,
    copy: (onProgress, signal) => new Copier(source, target, time).run(onProgress, signal),
    span: async () => [await edge('asc'), await edge('desc')],
    close: async () => {
      await source.close();
      await target.close();
      release();
    },
  };
}
