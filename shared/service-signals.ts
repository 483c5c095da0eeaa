// SIGTERM and SIGINT: the first drains, an echo of it is ignored, a later one ends the process at once.
import type { Clock } from './clock.ts';

/** npm passes a signal on that the whole process group got already, so it arrives twice. */
const ECHO_MS = 2_000;

/** Resolves at the first signal. After `ECHO_MS` any further one calls `force`. */
export function firstSignal(clock: Clock, force: (signal: NodeJS.Signals) => void): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      firstMs ??= clock.monotonicMs();
      if (clock.monotonicMs() - firstMs >= ECHO_MS) force(signal);
      else resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
