// The health of the spaces: what their numbers give away, each finding with its evidence and what to do.
import { z } from 'zod';
import type { Finding } from '../../shared/health/finding.ts';
import type { DpuId, SpaceId } from '../../shared/ids.ts';
import { formatTimestamp } from '../../shared/timestamp.ts';
import { healthAnswer } from '../answers-past.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { EVENTS_MAX, healthOf } from '../health.ts';
import { spaceOf } from '../lookup.ts';
import { invalidField } from '../problem.ts';
import { queryMoment, spaceIds } from '../schemas.ts';
import type { View } from '../view.ts';

const DAY_MS = 86_400_000;
/** A working week and a weekend. */
const DAYS_DEFAULT = 8;
const DAYS_MAX = 31;

export function healthRoutes(api: Api, { floorplan, history, watch, clock }: ApiDependencies): void {
  const { plan } = floorplan;
  api.get(
    '/v1/health/spaces',
    {
      config: { confinement: 'view' },
      schema: {
        tags: ['operations'],
        summary: 'Sensors that are the wrong way round, silent, off in time or counting twice, with the evidence',
        querystring: z.strictObject({
          space_ids: spaceIds.optional(),
          start_time: queryMoment.optional().describe(`Default ${DAYS_DEFAULT} days before the end.`),
          end_time: queryMoment.optional().describe('Default, and at most, now.'),
        }),
        response: { 200: healthAnswer },
      },
    },
    async ({ query, view }) => {
      const named = query.space_ids?.map((id) => spaceOf(view.plan, id, 'query.space_ids').id);
      const ids = named ?? (view.within === null ? null : [...view.plan.spaces.keys()]);
      const untilMs = Math.min(query.end_time ?? Number.POSITIVE_INFINITY, clock.nowMs() + 1);
      const fromMs = query.start_time ?? untilMs - DAYS_DEFAULT * DAY_MS;
      if (fromMs >= untilMs) {
        throw invalidField('query.start_time', 'it must be before end_time, and not ahead of the clock');
      }
      if (untilMs - fromMs > DAYS_MAX * DAY_MS) {
        throw invalidField('query.start_time', `that is more than ${DAYS_MAX} days; shorten the range`);
      }
      const { span, events, findings } = await healthOf({ plan, history: historyShownTo(view, history), watch }, ids, {
        fromMs,
        untilMs,
      });
      const shown = findings.filter((finding) => isShown(view, finding));
      return {
        from: formatTimestamp(span.fromMs),
        until: formatTimestamp(span.untilMs),
        events,
        events_max: EVENTS_MAX,
        total: shown.length,
        results: shown.map(findingShape),
      };
    },
  );
}

type History = ApiDependencies['history'];

/** Events that the view does not show are evidence of nothing. */
function historyShownTo({ spans }: View, history: History): History {
  if (spans === null) return history;
  const events: History['events'] = (query) => history.events({ ...query, within: spans });
  // Not a spread: the calls of a storage thread are no properties.
  return Object.setPrototypeOf({ events }, history) as History;
}

function isShown({ plan, within }: View, { spaceIds, dpuIds }: Finding): boolean {
  if (within === null) return true;
  return spaceIds.every((id) => plan.spaces.has(id as SpaceId)) && dpuIds.every((id) => plan.dpus.has(id as DpuId));
}

function findingShape({ kind, spaceIds, dpuIds, numbers, times, action }: Finding) {
  const moments = Object.entries(times).map(([name, ms]) => [name, formatTimestamp(ms)]);
  const evidence: Record<string, number | string> = { ...Object.fromEntries(moments), ...numbers };
  return { kind, space_ids: [...spaceIds], dpu_ids: [...dpuIds], evidence, action };
}
