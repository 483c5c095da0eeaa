// Routes of DPUs. Making one replays the events that it sent before it was known.
import { dpuAnswer } from '../answers.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { createDpu, deleteDpu, dpuBodies, patchDpu, replaceDpu } from '../edit/dpus.ts';
import { EVER } from '../ever.ts';
import { dpuOf } from '../lookup.ts';
import { replayUnknown } from '../replay.ts';
import { dpuId } from '../schemas.ts';
import { dpuShape } from '../shapes.ts';
import { thingRoutes } from './things.ts';

/** How long a removal waits to know of the events that are still in the journal. */
const CAUGHT_UP_TIMEOUT_MS = 5_000;

export function dpuRoutes(api: Api, dependencies: ApiDependencies): void {
  const { history, processor } = dependencies;
  thingRoutes(api, dependencies, {
    noun: 'DPU',
    confinement: 'dpu',
    path: '/v1/dpus',
    id: dpuId,
    bodies: dpuBodies,
    answer: dpuAnswer,
    all: (plan) => plan.dpus,
    find: dpuOf,
    shape: dpuShape,
    create: createDpu,
    replace: replaceDpu,
    patch: patchDpu,
    isReferred: async (id) => {
      if (!(await processor.caughtUp(CAUGHT_UP_TIMEOUT_MS))) return true;
      const page = await history.events({ dpuId: id, by: 'timestamp', span: EVER, order: 'asc', limit: 1 });
      return page.total > 0;
    },
    remove: deleteDpu,
    created: (id) => replayUnknown(dependencies, [id]),
  });
}
