// Local time: instants of local dates and times of day, and the edges of calendar buckets in a zone, DST included.

/** True when `zone` is a zone that this runtime knows. */
export function isTimeZone(zone: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
    return true;
  } catch {
    return false;
  }
}

/** The local date in `zone` at `atMs`. */
export function localDate(atMs: number, zone: string): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(zone).toPlainDate();
}

/** False for a date that the zone left out, like 2011-12-30 in Apia. */
export function isDateInZone(date: Temporal.PlainDate, zone: string): boolean {
  return date.toZonedDateTime(zone).toPlainDate().equals(date);
}

/** When `date` begins in `zone`, ms since 1970 UTC. */
export function startOfDayMs(date: Temporal.PlainDate, zone: string): number {
  return date.toZonedDateTime(zone).epochMilliseconds;
}

/**
 * When the local clock of `zone` shows `time` (`HH:MM`) on `date`, ms since 1970 UTC: the first time when it does so
 * twice, the instant of the change when a change skips it.
 */
export function localInstantMs(date: Temporal.PlainDate, time: string, zone: string): number {
  const local = date.toPlainDateTime(Temporal.PlainTime.from(time));
  const earlier = local.toZonedDateTime(zone, { disambiguation: 'earlier' });
  if (earlier.toPlainDateTime().equals(local)) return earlier.epochMilliseconds;
  const change = earlier.getTimeZoneTransition('next');
  return (change ?? earlier).epochMilliseconds;
}

export const INTERVALS = ['1m', '5m', '15m', '1h', '1d', '1w'] as const;
export type Interval = (typeof INTERVALS)[number];

const STEP_MS: Record<Exclude<Interval, '1d' | '1w'>, number> = {
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
};

/** The beginning of the bucket that holds `atMs`; buckets start at local midnight, weeks on Monday. */
export function bucketStartMs(atMs: number, interval: Interval, zone: string): number {
  const date = localDate(atMs, zone);
  if (interval === '1w') return startOfDayMs(date.subtract({ days: date.dayOfWeek - 1 }), zone);
  const midnightMs = startOfDayMs(date, zone);
  if (interval === '1d') return midnightMs;
  return midnightMs + Math.floor((atMs - midnightMs) / STEP_MS[interval]) * STEP_MS[interval];
}

/** The end of the bucket that begins at `startMs`, which is the beginning of the next one. */
export function bucketEndMs(startMs: number, interval: Interval, zone: string): number {
  const date = localDate(startMs, zone);
  if (interval === '1w') return startOfDayMs(date.add({ days: 7 }), zone);
  const nextMidnightMs = startOfDayMs(date.add({ days: 1 }), zone);
  return interval === '1d' ? nextMidnightMs : Math.min(startMs + STEP_MS[interval], nextMidnightMs);
}
