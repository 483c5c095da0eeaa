// The log: JSON lines on standard error, written without blocking the event loop.
import { type Logger, pino } from 'pino';

export type Log = Logger;

/** A root log at `level`. */
export function createLog(level: string): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: false }),
  );
}
