// Routes of what changed: the change feed, and the recounts that are behind some of it.
import { z } from 'zod';
import type { SpaceId } from '../../shared/ids.ts';
import { listOf } from '../answers.ts';
import { changesAnswer, recountAnswer } from '../answers-past.ts';
import { changeShape } from '../changes.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { pageOf } from '../paging.ts';
import { Problem } from '../problem.ts';
import { factsOfRecount, recountOf, recountShape } from '../recounts.ts';
import { paging, spaceIds } from '../schemas.ts';
import type { View } from '../view.ts';

const tags = ['counts'];

export function changeRoutes(api: Api, dependencies: ApiDependencies): void {
  const { floorplan, history, latenessAllowedMs } = dependencies;
  const sources = { facts: floorplan.facts, latenessAllowedMs };
  api.get(
    '/v1/changes',
    {
      config: { confinement: 'view' },
      schema: {
        tags,
        summary: 'Every change of any count, each once: whoever applies all of them holds every count',
        querystring: z.strictObject({
          since: z.string().max(1000).optional().describe('`next` of the page before; default: from the beginning.'),
          space_ids: spaceIds.optional(),
          page_size: paging.page_size,
        }),
        response: { 200: changesAnswer },
      },
    },
    async ({ query, view }) => {
      const spaceIds = query.space_ids ?? (view.within === null ? null : [...view.plan.spaces.keys()]);
      const page = await history.changes(query.since ?? null, spaceIds, query.page_size);
      if (page === 'expired') {
        throw new Problem(
          'cursor_expired',
          'changes after it are no longer kept: read the counts that you hold anew, then go on from `since` of now',
        );
      }
      if (page === 'invalid') {
        throw new Problem('invalid_cursor', 'ask with the `next` of a page of changes, or without `since`', {
          errors: [{ path: 'query.since', message: 'it is no place in this feed' }],
        });
      }
      return { next: page.next, results: page.results.map((change) => changeShape(sources, change)) };
    },
  );
  recountRoutes(api, dependencies);
}

function recountRoutes(api: Api, { floorplan, history, processor }: ApiDependencies): void {
  const { facts } = floorplan;
  api.get(
    '/v1/recounts',
    {
      config: { confinement: 'view' },
      schema: {
        tags,
        summary: 'Recounts of stored events, one for each fact that mapped some of them differently',
        querystring: z.strictObject({
          status: z.enum(['running', 'done']).optional().describe('Default: both.'),
          ...paging,
        }),
        response: { 200: listOf(recountAnswer) },
      },
    },
    async ({ query, view }) => {
      const states = query.status === 'running' ? history.openRecounts() : history.recounts(1, facts.length);
      const visible = (await states).filter((state) => view.within === null || isVisible(view, state.spaceIds));
      const wanted = visible.filter(({ isDone }) => query.status !== 'done' || isDone);
      const page = pageOf(`recounts ${query.status ?? ''}`, wanted, ({ fact }) => fact, query);
      const results = page.results.map((state) =>
        recountShape(facts, { first: state.fact, last: state.fact }, [state], state.isDone),
      );
      return { ...page, results: results.map((recount) => within(view, recount)) };
    },
  );
  api.get(
    '/v1/recounts/:id',
    {
      config: { confinement: 'view' },
      schema: {
        tags,
        summary: 'How far a recount is',
        params: z.strictObject({ id: z.string().max(40) }),
        response: { 200: recountAnswer },
      },
    },
    async ({ params: { id }, view }) => {
      const range = factsOfRecount(id);
      const recount =
        range === null || range.last > facts.length ? null : await recountOf({ facts, history, processor }, range);
      if (recount === null || (view.within !== null && !isVisible(view, recount.spaces)))
        throw new Problem('recount_not_found', `there is no recount ${id}; see /v1/recounts`);
      return within(view, recount);
    },
  );
}

function isVisible({ plan }: View, spaceIds: readonly SpaceId[]): boolean {
  return spaceIds.some((spaceId) => plan.spaces.has(spaceId));
}

/** Only the spaces of it that the key may see. */
function within<Recount extends { readonly spaces: readonly SpaceId[] }>(view: View, recount: Recount): Recount {
  if (view.within === null) return recount;
  return { ...recount, spaces: recount.spaces.filter((spaceId) => view.plan.spaces.has(spaceId)) };
}
