// Routes of the quarantine: what could not be counted and why, and its replay.
import { z } from 'zod';
import { QUARANTINE_REASONS } from '../../shared/event.ts';
import { listOf, quarantineAnswer, replayedAnswer } from '../answers.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { openCursor, sealCursor } from '../paging.ts';
import { replay } from '../replay.ts';
import { dpuId, paging } from '../schemas.ts';
import { quarantineShape } from '../shapes.ts';

const IDS_MAX = 1000;
const tags = ['events'];
const filters = { reason: z.enum(QUARANTINE_REASONS).optional(), dpu_id: dpuId.optional() };
const replayBody = z
  .strictObject({ ids: z.array(z.string().max(200)).min(1).max(IDS_MAX).optional(), ...filters })
  .refine(
    ({ ids, reason, dpu_id }) => (ids ?? reason ?? dpu_id) !== undefined,
    'say which items: ids, a reason or a dpu_id',
  );

type Filters = { readonly reason?: (typeof QUARANTINE_REASONS)[number] | undefined } & {
  readonly dpu_id?: z.output<typeof dpuId> | undefined;
};

export function quarantineRoutes(api: Api, dependencies: ApiDependencies): void {
  api.get(
    '/v1/quarantine',
    {
      schema: {
        tags,
        summary: 'What is stored and not counted, newest first',
        querystring: z.strictObject({ ...filters, ...paging }),
        response: { 200: listOf(quarantineAnswer) },
      },
    },
    async ({ query }) => {
      const list = `quarantine ${query.reason ?? ''} ${query.dpu_id ?? ''}`;
      const cursor = openCursor(list, query.cursor);
      const place = cursor === undefined ? {} : { cursor };
      const page = await dependencies.history.list({ ...given(query), limit: query.page_size, ...place });
      const next = page.next === null ? null : sealCursor(list, page.next);
      return { total: page.total, next, results: page.results.map(quarantineShape) };
    },
  );
  api.post(
    '/v1/quarantine/replay',
    { schema: { tags, summary: 'Ingest items again', body: replayBody, response: { 200: replayedAnswer } } },
    async ({ body }) => {
      const ids = body.ids === undefined ? {} : { ids: body.ids };
      const { replayed, stillQuarantined, events } = await replay(dependencies, { ...ids, ...given(body) });
      return { replayed, still_quarantined: stillQuarantined, events };
    },
  );
}

function given({ reason, dpu_id: dpuId }: Filters) {
  return { ...(reason === undefined ? {} : { reason }), ...(dpuId === undefined ? {} : { dpuId }) };
}
