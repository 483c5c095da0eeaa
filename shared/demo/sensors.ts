// The sensors of the demo are no better than real ones: one is broken, one loses people, one tells late.
import type { Crossing } from './visits.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Of the sensor at the lockers, before the first start of the demo: long enough for it to count as lost. */
const BROKEN_BEFORE_MS = 50 * HOUR_MS;
/** The sensor of the south gate overlooks one of so many who leave. */
const OVERLOOKED_ONE_OF = 400;
/** The sensor of the co-working room saves power: it tells of what it saw so often. */
const TELLS_EVERY_MS = 5 * MINUTE_MS;

/** When the sensor above the door tells of a crossing; null: never. `begunMs`: when the demo was started first. */
export function toldAtMs({ doorId, direction, timestampMs }: Crossing, begunMs: number): number | null {
  switch (doorId) {
    case 'lockers':
      return timestampMs < begunMs - BROKEN_BEFORE_MS ? timestampMs : null;
    case 'gate-south':
      return direction === -1 && Math.floor(timestampMs / 2) % OVERLOOKED_ONE_OF === 0 ? null : timestampMs;
    case 'coworking':
      return Math.ceil(timestampMs / TELLS_EVERY_MS) * TELLS_EVERY_MS;
    default:
      return timestampMs;
  }
}

/** True when the sensor above the door is heard at all. */
export function isAlive(doorId: string): boolean {
  return doorId !== 'lockers';
}
