// Routes of the floor plan as one document.
import type { DpuId } from '../../shared/ids.ts';
import { floorplanAnswer, floorplanChangedAnswer } from '../answers.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { documentOf, floorplanDocument } from '../floorplan-document.ts';
import { changesToDocument } from '../floorplan-import.ts';
import { record } from '../recording.ts';
import { replayUnknown } from '../replay.ts';
import { dryRunQuery, queryMoment } from '../schemas.ts';

/** 100,000 DPUs with their placements are about 30 MB. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;

export function floorplanRoutes(api: Api, dependencies: ApiDependencies): void {
  const { clock } = dependencies;
  const tags = ['floor plan'];
  api.get(
    '/v1/floorplan',
    {
      config: { confinement: 'view' },
      schema: { tags, summary: 'The whole floor plan, as PUT takes it', response: { 200: floorplanAnswer } },
    },
    async ({ view }) => documentOf(view.plan, clock.nowMs()),
  );
  api.put(
    '/v1/floorplan',
    {
      bodyLimit: BODY_BYTES_MAX,
      schema: {
        tags,
        summary: 'Bring the floor plan to this state, all or nothing; what is absent is retired',
        querystring: dryRunQuery.extend({
          effective_from: queryMoment
            .optional()
            .describe('From when undated changes to existing things count; default now.'),
        }),
        body: floorplanDocument,
        response: { 200: floorplanChangedAnswer },
      },
    },
    async (request) => {
      const { query, body } = request;
      let isKnown: (id: DpuId) => boolean = () => true;
      const facts = await record(dependencies, request, (plan) => {
        const known = new Set(plan.dpus.keys());
        isKnown = (id) => known.has(id);
        const nowMs = clock.nowMs();
        return changesToDocument(plan, body, { nowMs, effectiveMs: query.effective_from ?? nowMs });
      });
      const made = body.dpus.map(({ id }) => id).filter((id) => !isKnown(id));
      await replayUnknown(dependencies, made);
      return {
        changes: facts.length,
        spaces: body.spaces.length,
        doorways: body.doorways.length,
        dpus: body.dpus.length,
        resets: body.resets.length,
      };
    },
  );
}
