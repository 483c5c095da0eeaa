// Routes of what the fleet is doing: one DPU in full, and all of them as a list with filters.
import { z } from 'zod';
import { isDoingShown } from '../../shared/confinement.ts';
import type { Dpu } from '../../shared/floorplan.ts';
import { formatTimestamp } from '../../shared/timestamp.ts';
import { listOf } from '../answers.ts';
import { dpuStatusAnswer, dpuStatusInFullAnswer } from '../answers-fleet.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { activityOf, isPlaced, notHeardAmong, onlineAmong, statusesOf, statusShape } from '../fleet-status.ts';
import { dpuOf } from '../lookup.ts';
import { pageOf } from '../paging.ts';
import { dpuId, paging, queryMoment } from '../schemas.ts';

const tags = ['fleet'];
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const querystring = z.strictObject({
  ...paging,
  online: flag.optional().describe('Only those that are connected over MQTT, or are not.'),
  not_heard_since: queryMoment.optional().describe('Only those of which nothing has come since then.'),
  placed: flag.optional().describe('Only those that are on a doorway now, or on none.'),
});

export function statusRoutes(api: Api, dependencies: ApiDependencies): void {
  const { clock } = dependencies;
  api.get(
    '/v1/dpus/status',
    {
      config: { confinement: 'view' },
      schema: {
        tags,
        summary: 'What each DPU is doing: connected, last heard, where, and what was refused',
        querystring,
        response: { 200: listOf(dpuStatusAnswer) },
      },
    },
    async ({ query, view }) => {
      const { online, not_heard_since: notHeardSinceMs, placed } = query;
      const nowMs = clock.nowMs();
      const isShown = ({ id }: Dpu) => isDoingShown(view.spans, id, nowMs);
      const isAsked = (dpu: Dpu) =>
        dpu.retiredAtMs === null && (placed === undefined || (isShown(dpu) && isPlaced(dpu, nowMs)) === placed);
      const items = [...view.plan.dpus.values()].filter(isAsked);
      items.sort((one, other) => (one.id < other.id ? -1 : 1));
      let dpus: readonly Dpu[] = items;
      // What is not shown of a DPU must not tell by its being in the list.
      if (online !== undefined || notHeardSinceMs !== undefined) dpus = dpus.filter(isShown);
      if (online !== undefined) dpus = await onlineAmong(dependencies, dpus, online);
      if (notHeardSinceMs !== undefined) dpus = await notHeardAmong(dependencies, dpus, notHeardSinceMs);
      const list = `/v1/dpus/status ${online} ${notHeardSinceMs} ${placed}`;
      const page = pageOf(list, dpus, ({ id }) => id, query);
      const statuses = await statusesOf(dependencies, page.results);
      return { ...page, results: statuses.map((status) => statusShape(status, isShown(status.dpu), nowMs)) };
    },
  );
  api.get(
    '/v1/dpus/:id/status',
    {
      config: { confinement: 'dpu' },
      schema: {
        tags,
        summary: 'What a DPU is doing, with how much it sends and how far its clock is off',
        params: z.strictObject({ id: dpuId }),
        response: { 200: dpuStatusInFullAnswer },
      },
    },
    async ({ params: { id }, view }) => {
      const dpu = dpuOf(view.plan, id);
      const [[status], activity] = await Promise.all([
        statusesOf(dependencies, [dpu]),
        activityOf(dependencies, id, view.spans),
      ]);
      const nowMs = clock.nowMs();
      const shape = statusShape(status as NonNullable<typeof status>, isDoingShown(view.spans, id, nowMs), nowMs);
      return { ...shape, ...activity, at: formatTimestamp(nowMs) };
    },
  );
}
