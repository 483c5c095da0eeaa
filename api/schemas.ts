// The parts that the schemas of requests are made of: ids, moments, paging, and the fields of the floor plan.
import { z } from 'zod';
import { isTimeZone } from '../shared/calendar.ts';
import { type DoorwayId, type DpuId, ID_PATTERN, type PlacementId, type SpaceId } from '../shared/ids.ts';
import { parseTimestampMs } from '../shared/timestamp.ts';

const idText = z.string().regex(ID_PATTERN, 'an id is 1 to 64 of the characters A-Z a-z 0-9 _ -');
export const spaceId = idText.transform((text) => text as SpaceId);
export const doorwayId = idText.transform((text) => text as DoorwayId);
export const dpuId = idText.transform((text) => text as DpuId);
export const placementId = idText.transform((text) => text as PlacementId);
/** An id of something that the service named itself. */
export const givenId = idText;

/** 0000-01-01 and the end of 9999: what RFC 3339 can write. */
const EARLIEST_MS = -62_167_219_200_000;
const LATEST_MS = 253_402_300_799_999;

const NOT_A_TIMESTAMP =
  'a moment is RFC 3339 with an offset, such as 2018-02-24T08:45:21.893Z, or integer milliseconds since 1970 UTC';
const TIMESTAMP_EXAMPLE = { examples: ['2018-02-24T08:45:21.893Z'] };

function momentOrIssue(value: string | number, context: z.RefinementCtx): number {
  const ms = parseTimestampMs(value);
  if (ms !== undefined && ms >= EARLIEST_MS && ms <= LATEST_MS) return ms;
  const unescaped = typeof value === 'string' && value.includes(' ');
  const hint = unescaped ? '; in an address a + must be written as %2B' : '';
  context.addIssue({ code: 'custom', message: NOT_A_TIMESTAMP + hint });
  return z.NEVER;
}

/** A moment in a body, as ms since 1970 UTC. */
export const moment = z
  .union([z.string(), z.int()], { error: NOT_A_TIMESTAMP })
  .meta(TIMESTAMP_EXAMPLE)
  .transform(momentOrIssue);

/** A moment in a query string, as ms since 1970 UTC. */
export const queryMoment = z
  .string()
  .meta(TIMESTAMP_EXAMPLE)
  .transform((text, context) => momentOrIssue(/^-?\d{1,16}$/.test(text) ? Number(text) : text, context));

/** The largest page that is given. */
const PAGE_SIZE_MAX = 5000;
const PAGE_SIZE_DEFAULT = 1000;

/** Query parameters of every list. */
export const paging = {
  page_size: z
    .string()
    .regex(/^\d{1,9}$/, `a whole number from 1 to ${PAGE_SIZE_MAX}`)
    .transform(Number)
    .refine((size) => size >= 1 && size <= PAGE_SIZE_MAX, `a whole number from 1 to ${PAGE_SIZE_MAX}`)
    .optional()
    .transform((size) => size ?? PAGE_SIZE_DEFAULT),
  cursor: z.string().max(1000).optional().describe('`next` of the page before.'),
};
export type Paging = { readonly page_size: number; readonly cursor?: string | undefined };

export const order = z.enum(['asc', 'desc']).optional();

/** Several ids in one query parameter: `A,B`. */
export const spaceIds = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}(,[A-Za-z0-9_-]{1,64})*$/, 'ids separated by commas, such as A,B')
  .transform((text) => [...new Set(text.split(','))] as SpaceId[]);

export const name = z.string().min(1).max(200);
export const reason = z.string().max(1000).nullable();
export const capacity = z.int().min(0).max(1_000_000_000).nullable();
export const facing = z.enum(['a', 'b']);

/** `2018-…[Europe/Berlin]` would do for Temporal as well, but is no name of a zone. */
const ZONE_NAME = /^([A-Za-z][A-Za-z0-9_+/-]*|[+-]\d\d:\d\d)$/;
export const timeZone = z
  .string()
  .max(100)
  .refine((zone) => ZONE_NAME.test(zone) && isTimeZone(zone), 'a time zone is named as in Europe/Berlin or UTC');
const TIME_OF_DAY = /^([01]\d|2[0-3]):[0-5]\d$/;
export const localTime = z.string().regex(TIME_OF_DAY, 'a local time of day such as 04:00');
export const dailyReset = z.string().regex(TIME_OF_DAY, 'a local time of day such as 04:00, or null').nullable();

/** More people than there are: keeps every sum exact. */
const COUNT_MAX = 1_000_000_000;
export const count = z.int().min(-COUNT_MAX).max(COUNT_MAX);
/** `3`, `-3`, or as text `"+3"`. */
export const change = z.union(
  [
    count,
    z
      .string()
      .regex(/^[+-]?\d{1,9}$/)
      .transform(Number),
  ],
  { error: 'a signed integer, such as 3 or "-3"' },
);

/** Of everything that changes counts. */
export const dryRunQuery = z.strictObject({
  dry_run: z
    .enum(['true', 'false'])
    .optional()
    .describe('true: answers 200 with the differences per space and day, and changes nothing.'),
});

export const nothing = z.strictObject({});
