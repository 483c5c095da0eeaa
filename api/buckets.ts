// Calendar buckets of a range in a space's own time zone, also where the zone changes; weeks and days as long as they are.
import { bucketEndMs, bucketStartMs, type Interval } from '../shared/calendar.ts';
import type { Span } from '../shared/storage/history.ts';
import { startMs } from '../shared/versions.ts';
import { invalidField } from './problem.ts';

/** Usual lengths, ms; only days and weeks have others. */
const LENGTH_MS: Record<Interval, number> = {
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
  '1d': 86_400_000,
  '1w': 604_800_000,
};

/** The most buckets that a range may have: ten weeks of minutes, eleven years of hours. */
export const BUCKETS_MAX = 100_000;

type Zoned = { readonly fromMs: number | null; readonly timeZone: string };

/**
 * The buckets of [fromMs, untilMs) in order: the first begins at or before `fromMs`, the last is cut at `untilMs`.
 * A change of the zone ends a bucket and begins another. Throws invalid_request when they would be more than BUCKETS_MAX.
 */
export function bucketsOf(versions: readonly Zoned[], interval: Interval, { fromMs, untilMs }: Span): Span[] {
  if (untilMs <= fromMs) return [];
  if ((untilMs - fromMs) / LENGTH_MS[interval] > BUCKETS_MAX) {
    throw invalidField('query.interval', `that makes more than ${BUCKETS_MAX} of ${interval}; shorten the range`);
  }
  const buckets: Span[] = [];
  const zones = versions.filter((version, index) => version.timeZone !== versions[index - 1]?.timeZone);
  for (const [index, zone] of zones.entries()) {
    const beginMs = startMs(zone);
    const next = zones[index + 1];
    const endMs = next === undefined ? untilMs : Math.min(untilMs, startMs(next));
    if (endMs <= fromMs || beginMs >= untilMs) continue;
    const firstMs = Math.max(beginMs, bucketStartMs(Math.max(fromMs, beginMs), interval, zone.timeZone));
    pushBuckets(buckets, { fromMs: firstMs, untilMs: endMs }, interval, zone.timeZone);
  }
  return buckets;
}

function pushBuckets(buckets: Span[], { fromMs, untilMs }: Span, interval: Interval, zone: string): void {
  const days = edges(interval === '1w' ? '1w' : '1d', zone);
  let dayStartMs = bucketStartMs(fromMs, interval === '1w' ? '1w' : '1d', zone);
  for (let atMs = fromMs; atMs < untilMs; ) {
    const dayEndMs = days(dayStartMs);
    while (atMs < Math.min(dayEndMs, untilMs)) {
      const step = 1 + Math.floor((atMs - dayStartMs) / LENGTH_MS[interval]);
      const isLong = interval === '1d' || interval === '1w';
      const endMs = isLong ? dayEndMs : Math.min(dayStartMs + step * LENGTH_MS[interval], dayEndMs);
      buckets.push({ fromMs: atMs, untilMs: Math.min(endMs, untilMs) });
      atMs = endMs;
    }
    dayStartMs = dayEndMs;
  }
}

/**
 * The ends of days or weeks from their starts. Between two changes of the zone's offset all are equally long, so the
 * calendar is only asked near a change: years of days cost microseconds each otherwise.
 */
function edges(interval: '1d' | '1w', zone: string): (startMs: number) => number {
  let steadyUntilMs = Number.NEGATIVE_INFINITY;
  return (atMs) => {
    if (atMs + LENGTH_MS[interval] < steadyUntilMs) return atMs + LENGTH_MS[interval];
    const endMs = bucketEndMs(atMs, interval, zone);
    const local = Temporal.Instant.fromEpochMilliseconds(endMs).toZonedDateTimeISO(zone);
    const isMidnight = local.toPlainTime().equals('00:00');
    const change = local.getTimeZoneTransition('next');
    steadyUntilMs = isMidnight ? (change?.epochMilliseconds ?? Number.POSITIVE_INFINITY) : Number.NEGATIVE_INFINITY;
    return endMs;
  };
}
