// Routes of spaces: how they hang together and how their days run.
import { z } from 'zod';
import { listOf, spaceAnswer, spaceVersionAnswer } from '../answers.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { createSpace, deleteSpace, isSameSpaceVersion, patchSpace, replaceSpace, spaceBodies } from '../edit/spaces.ts';
import { essential } from '../floorplan-document.ts';
import { spaceOf } from '../lookup.ts';
import { pageOf } from '../paging.ts';
import { paging, spaceId } from '../schemas.ts';
import { spaceShape, spaceVersionShape } from '../shapes.ts';
import { thingRoutes } from './things.ts';

export function spaceRoutes(api: Api, dependencies: ApiDependencies): void {
  thingRoutes(api, dependencies, {
    noun: 'space',
    confinement: 'space',
    path: '/v1/spaces',
    id: spaceId,
    bodies: spaceBodies,
    answer: spaceAnswer,
    all: (plan) => plan.spaces,
    find: spaceOf,
    shape: spaceShape,
    create: createSpace,
    replace: replaceSpace,
    patch: patchSpace,
    isReferred: async () => false,
    remove: deleteSpace,
    created: async () => {},
  });
  api.get(
    '/v1/spaces/:id/versions',
    {
      config: { confinement: 'space' },
      schema: {
        tags: ['floor plan'],
        summary: 'What a space was, is and will be',
        params: z.strictObject({ id: spaceId }),
        querystring: z.strictObject(paging),
        response: { 200: listOf(spaceVersionAnswer) },
      },
    },
    async ({ params, query, view }) => {
      const versions = essential(spaceOf(view.plan, params.id).versions, isSameSpaceVersion);
      const page = pageOf(`versions of ${params.id}`, versions, (version) => version.fromMs ?? -Infinity, query);
      return { ...page, results: page.results.map(spaceVersionShape) };
    },
  );
}
