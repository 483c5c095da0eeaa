// The nightly drift of a space, with the reset that would remove each.
import { z } from 'zod';
import { QUIET_TIME } from '../../shared/health/flow.ts';
import { formatTimestamp } from '../../shared/timestamp.ts';
import { driftAnswer } from '../answers-past.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { driftOf } from '../drift.ts';
import { spaceOf } from '../lookup.ts';
import { invalidField } from '../problem.ts';
import { localTime, queryMoment, spaceId } from '../schemas.ts';

const DAY_MS = 86_400_000;
const NIGHTS_DEFAULT = 30;
/** Each night is a count of its own. */
const NIGHTS_MAX = 400;

export function driftRoutes(api: Api, { floorplan, history, clock }: ApiDependencies): void {
  const { plan } = floorplan;
  api.get(
    '/v1/spaces/:id/drift',
    {
      config: { confinement: 'space' },
      schema: {
        tags: ['counts'],
        summary: 'What was left of the count each night, and the reset that would remove it',
        params: z.strictObject({ id: spaceId }),
        querystring: z.strictObject({
          start_time: queryMoment.optional().describe(`Default ${NIGHTS_DEFAULT} days before the end.`),
          end_time: queryMoment.optional().describe('Default, and at most, now.'),
          time: localTime.optional().describe(`When nobody is in, local time; default ${QUIET_TIME}.`),
        }),
        response: { 200: driftAnswer },
      },
    },
    async ({ params, query }) => {
      const { id } = spaceOf(plan, params.id);
      const untilMs = Math.min(query.end_time ?? Number.POSITIVE_INFINITY, clock.nowMs());
      const fromMs = query.start_time ?? untilMs - NIGHTS_DEFAULT * DAY_MS;
      if (fromMs > untilMs)
        throw invalidField('query.start_time', 'it must not be after end_time, nor ahead of the clock');
      if (untilMs - fromMs > NIGHTS_MAX * DAY_MS) {
        throw invalidField('query.start_time', `that is more than ${NIGHTS_MAX} days; shorten the range`);
      }
      const nights = await driftOf({ plan, history }, id, { fromMs, untilMs, time: query.time ?? QUIET_TIME });
      const results = nights.map(({ date, atMs, count, drift }) => ({
        date,
        at: formatTimestamp(atMs),
        count,
        drift,
        suggested_reset: count === 0 ? null : { at: formatTimestamp(atMs), count: 0, reason: `drift of ${date}` },
      }));
      return { space_id: id, results };
    },
  );
}
