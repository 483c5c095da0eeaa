// Timestamps at the borders: RFC 3339 text or integer milliseconds in, RFC 3339 UTC with milliseconds out.

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,30}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** The range that `Date` can hold, ms since 1970 UTC (ECMA-262, 21.4.1.1). */
const TIMESTAMP_LIMIT_MS = 8.64e15;

/**
 * Milliseconds since 1970 UTC of an RFC 3339 text (any offset, finer fractions are cut) or of integer milliseconds;
 * undefined when `value` is neither, or names a date or time of day that does not exist.
 */
export function parseTimestampMs(value: unknown): number | undefined {
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) && Math.abs(value) <= TIMESTAMP_LIMIT_MS ? value : undefined;
  }
  if (typeof value !== 'string') return undefined;
  const parts = RFC3339.exec(value);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, offset] = parts;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const days = daysInMonth(Number(year), Number(month));
  if (Number(day) < 1 || Number(day) > days) return undefined;
  const zone = offset === 'z' ? 'Z' : offset;
  const ms = (fraction ?? '').padEnd(3, '0').slice(0, 3);
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}${zone}`);
}

/** `2018-02-24T08:45:21.893Z` for ms since 1970 UTC. */
export function formatTimestamp(timestampMs: number): string {
  return new Date(timestampMs).toISOString();
}

/** As `formatTimestamp`; null stays null (since ever, still, never). */
export function formatTimestampOrNull(timestampMs: number | null): string | null {
  return timestampMs === null ? null : formatTimestamp(timestampMs);
}

function daysInMonth(year: number, month: number): number {
  if (month < 1 || month > 12) return 0;
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
