// The past: why a count is what it is, and who said what about the building, when.
import { z } from 'zod';
import { formatTimestamp } from '../../shared/timestamp.ts';
import { listOf } from '../answers.ts';
import { explainAnswer, factAnswer } from '../answers-past.ts';
import { momentAsked } from '../count.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { type ExplainedEvent, explain } from '../explain.ts';
import { spaceOf } from '../lookup.ts';
import { openCursor, pageOf, sealCursor } from '../paging.ts';
import { paging, queryMoment, spaceId } from '../schemas.ts';
import { eventShape } from '../shapes.ts';

export function pastRoutes(api: Api, dependencies: ApiDependencies): void {
  const { floorplan, history, clock, futureAllowedMs, latenessAllowedMs, watch } = dependencies;
  const { plan, facts } = floorplan;
  api.get(
    '/v1/spaces/:id/count/explain',
    {
      config: { confinement: 'space' },
      schema: {
        tags: ['counts'],
        summary: 'Why the count of a space is, or was, what it is',
        params: z.strictObject({ id: spaceId }),
        querystring: z.strictObject({ at: queryMoment.optional().describe('Default now.'), ...paging }),
        response: { 200: explainAnswer },
      },
    },
    async ({ params, query }) => {
      const { id } = spaceOf(plan, params.id);
      const atMs = momentAsked(query.at, clock, futureAllowedMs) ?? clock.nowMs();
      const list = `explain ${id} ${query.at ?? ''}`;
      const first = Number(openCursor(list, query.cursor) ?? 0);
      const sources = { plan, history, watch, latenessAllowedMs };
      const why = await explain(sources, id, atMs, { first, size: query.page_size });
      const { count, start, placements, deltas, events, results, explained } = why;
      const next = first + results.length;
      return {
        space_id: id,
        at: formatTimestamp(atMs),
        count,
        reset: start === null ? null : { id: start.id, at: formatTimestamp(start.atMs), count: start.count },
        placements: placements.map(({ dpuId, fromMs, untilMs }) => ({
          dpu_id: dpuId,
          from: momentOrNull(fromMs),
          until: momentOrNull(untilMs),
        })),
        deltas,
        events,
        results: results.map(explainedShape),
        next: next < explained ? sealCursor(list, String(next)) : null,
      };
    },
  );
  api.get(
    '/v1/facts',
    {
      config: { confinement: 'view' },
      schema: {
        tags: ['floor plan'],
        summary: 'Everything that was ever said about the building, in the order in which it was recorded',
        querystring: z.strictObject(paging),
        response: { 200: listOf(factAnswer) },
      },
    },
    async ({ query, view }) => {
      const page = pageOf('facts', view.facts(facts), ({ number }) => number, query);
      const results = page.results.map(({ number, recordedAtMs, by, change }) => ({
        number,
        recorded_at: formatTimestamp(recordedAtMs),
        by,
        reason: 'reason' in change ? change.reason : null,
        change,
      }));
      return { ...page, results };
    },
  );
}

function momentOrNull(ms: number): string | null {
  return Number.isFinite(ms) ? formatTimestamp(ms) : null;
}

function explainedShape({ event, kind, delta, recounted, copies }: ExplainedEvent) {
  return { ...eventShape(event), kind, delta, recounted, duplicates: copies };
}
