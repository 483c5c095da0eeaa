// Years of a fleet in a minute: plausible events of a generated building, in the order in which they would have come in.
import type { Building } from '../../shared/commands/building.ts';

export type GeneratedEvent = {
  readonly door: number;
  readonly timestampMs: number;
  readonly direction: 1 | -1;
  /** When it came in; of most events at once. */
  readonly receivedAtMs: number;
};

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;
/** Share of the events that come up to six hours late. */
const LATE_SHARE = 0.01;
const LATE_MS_MAX = 6 * 3_600_000;
/** How busy each hour of the day is (UTC). */
const HOUR_WEIGHTS = [0, 0, 0, 0, 0, 1, 4, 10, 16, 14, 11, 13, 15, 13, 11, 12, 15, 14, 9, 5, 3, 2, 1, 0];

/** Numbers in [0, 1) that are the same in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** `events` events over `days` days from `firstMs`, ordered by arrival, a minute's worth at a time. */
export function* generateEvents(building: Building, events: number, days: number, firstMs: number) {
  const random = seededRandom(1);
  const weightOfDay = HOUR_WEIGHTS.reduce((sum, weight) => sum + weight, 0) * 60;
  const late = new Map<number, GeneratedEvent[]>();
  let due = 0;
  let made = 0;
  for (let minute = 0; minute < days * DAY_MINUTES; minute++) {
    due += (((HOUR_WEIGHTS[Math.floor(minute / 60) % 24] as number) / weightOfDay) * events) / days;
    const arrivals = late.get(minute) ?? [];
    late.delete(minute);
    const identities = new Set<number>();
    while (made < Math.floor(due + 1e-6)) {
      const withinMs = Math.floor(random() * MINUTE_MS);
      const timestampMs = firstMs + minute * MINUTE_MS + withinMs;
      const lateMs = random() < LATE_SHARE ? Math.floor(random() * LATE_MS_MAX) : 20 + Math.floor(random() * 100);
      const door = Math.floor(random() * building.doors.length);
      const direction = random() < 0.5 ? 1 : -1;
      // Two that are alike in everything would be one event and a duplicate of it.
      const identity = (door * MINUTE_MS + withinMs) * 2 + (direction === 1 ? 1 : 0);
      if (identities.has(identity)) continue;
      identities.add(identity);
      made += 1;
      const event = { door, timestampMs, direction, receivedAtMs: timestampMs + lateMs } as const;
      const arrivalMinute = Math.floor((event.receivedAtMs - firstMs) / MINUTE_MS);
      if (arrivalMinute <= minute) arrivals.push(event);
      else late.set(arrivalMinute, [...(late.get(arrivalMinute) ?? []), event]);
    }
    arrivals.sort((one, other) => one.receivedAtMs - other.receivedAtMs);
    yield arrivals;
  }
  for (const rest of late.values()) yield rest;
}
