// Routes of doorways: which two sides each of them joins, and since when.
import { z } from 'zod';
import { doorwayAnswer, doorwayVersionAnswer, listOf } from '../answers.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { createDoorway, deleteDoorway, doorwayBodies, patchDoorway, replaceDoorway } from '../edit/doorways.ts';
import { essential, isSameSides } from '../floorplan-document.ts';
import { doorwayOf } from '../lookup.ts';
import { pageOf } from '../paging.ts';
import { doorwayId, paging } from '../schemas.ts';
import { doorwayShape, doorwayVersionShape } from '../shapes.ts';
import { thingRoutes } from './things.ts';

export function doorwayRoutes(api: Api, dependencies: ApiDependencies): void {
  thingRoutes(api, dependencies, {
    noun: 'doorway',
    confinement: 'doorway',
    path: '/v1/doorways',
    id: doorwayId,
    bodies: doorwayBodies,
    answer: doorwayAnswer,
    all: (plan) => plan.doorways,
    find: doorwayOf,
    shape: doorwayShape,
    create: createDoorway,
    replace: replaceDoorway,
    patch: patchDoorway,
    isReferred: async () => false,
    remove: deleteDoorway,
    created: async () => {},
  });
  api.get(
    '/v1/doorways/:id/versions',
    {
      config: { confinement: 'doorway' },
      schema: {
        tags: ['floor plan'],
        summary: 'What a doorway joined, joins and will join',
        params: z.strictObject({ id: doorwayId }),
        querystring: z.strictObject(paging),
        response: { 200: listOf(doorwayVersionAnswer) },
      },
    },
    async ({ params, query, view }) => {
      const versions = essential(doorwayOf(view.plan, params.id).versions, isSameSides);
      const page = pageOf(`versions of ${params.id}`, versions, (version) => version.fromMs ?? -Infinity, query);
      return { ...page, results: page.results.map(doorwayVersionShape) };
    },
  );
}
