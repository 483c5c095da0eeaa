// Routes of resets and voids: facts that are entered, listed and revoked, and never changed.
import type { FastifyRequest, FastifyTypeProviderDefault } from 'fastify';
import { z } from 'zod';
import type { Change } from '../../shared/fact.ts';
import type { Dpu, Floorplan, RecordedReset } from '../../shared/floorplan.ts';
import type { DpuId, OutageId, ResetId, SpaceId, VoidId } from '../../shared/ids.ts';
import { listOf, outageAnswer, resetAnswer, voidAnswer } from '../answers.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import {
  createOutage,
  createReset,
  createVoid,
  outageBody,
  resetBody,
  revokeOutage,
  revokeReset,
  revokeVoid,
  voidBody,
} from '../edit/marks.ts';
import { newId } from '../floorplan-marks.ts';
import { dpuOf, outageOf, resetOf, spaceOf, voidOf } from '../lookup.ts';
import { pageOf } from '../paging.ts';
import { record } from '../recording.ts';
import { dpuId, dryRunQuery, givenId, paging, spaceId } from '../schemas.ts';
import { outageShape, resetShape, voidShape } from '../shapes.ts';

/** One kind of mark on an owner: resets of a space, voids of a DPU. */
type Kind<Owner extends string, Item extends { readonly factNumber: number }, Body, Answer> = {
  readonly noun: string;
  /** With `:id` for the owner. */
  readonly path: string;
  readonly confinement: 'space' | 'dpu';
  readonly owner: z.ZodType<Owner>;
  readonly body: z.ZodType<Body>;
  readonly answer: z.ZodType<Answer>;
  all(plan: Floorplan, owner: Owner): readonly Item[];
  find(plan: Floorplan, owner: Owner, id: string): Item;
  shape(item: Item): Answer;
  create(plan: Floorplan, owner: Owner, id: string, body: NoInfer<Body>, nowMs: number): Change[];
  revoke(plan: Floorplan, owner: Owner, id: string): Change[];
};

export function resetRoutes(api: Api, dependencies: ApiDependencies): void {
  markRoutes(api, dependencies, {
    noun: 'reset',
    path: '/v1/spaces/:id/resets',
    confinement: 'space',
    owner: spaceId,
    body: resetBody,
    answer: resetAnswer,
    all: (plan, id: SpaceId): readonly RecordedReset[] => plan.resets.get(spaceOf(plan, id).id) ?? [],
    find: resetOf,
    shape: resetShape,
    create: (plan, owner, id, body, nowMs) => createReset(plan, owner, id as ResetId, body, nowMs),
    revoke: revokeReset,
  });
}

export function voidRoutes(api: Api, dependencies: ApiDependencies): void {
  markRoutes(api, dependencies, {
    noun: 'void',
    path: '/v1/dpus/:id/voids',
    confinement: 'dpu',
    owner: dpuId,
    body: voidBody,
    answer: voidAnswer,
    all: (plan, id: DpuId): Dpu['voids'] => dpuOf(plan, id).voids,
    find: voidOf,
    shape: voidShape,
    create: (plan, owner, id, body) => createVoid(plan, owner, id as VoidId, body),
    revoke: revokeVoid,
  });
}

export function outageRoutes(api: Api, dependencies: ApiDependencies): void {
  markRoutes(api, dependencies, {
    noun: 'outage',
    path: '/v1/dpus/:id/outages',
    confinement: 'dpu',
    owner: dpuId,
    body: outageBody,
    answer: outageAnswer,
    all: (plan, id: DpuId): Dpu['outages'] => dpuOf(plan, id).outages,
    find: outageOf,
    shape: outageShape,
    create: (plan, owner, id, body) => createOutage(plan, owner, id as OutageId, body),
    revoke: revokeOutage,
  });
}

type Request<Owner, Body, Query> = {
  readonly params: { readonly id: Owner; readonly mark_id: string };
  readonly body: Body;
  readonly query: Query;
};

function markRoutes<Owner extends string, Item extends { readonly factNumber: number }, Body, Answer>(
  api: Api,
  dependencies: ApiDependencies,
  kind: Kind<Owner, Item, Body, Answer>,
): void {
  const { noun, path, answer } = kind;
  const { clock } = dependencies;
  const plain = api.withTypeProvider<FastifyTypeProviderDefault>();
  const tags = ['floor plan'];
  const config = { confinement: kind.confinement };
  const params = z.strictObject({ id: kind.owner });
  const item = z.strictObject({ id: kind.owner, mark_id: givenId });
  const querystring = z.strictObject(paging);
  const shapeOf = ({ view }: FastifyRequest, owner: Owner, id: string): Answer =>
    kind.shape(kind.find(view.plan, owner, id));
  type Asked = Request<Owner, Body, z.output<typeof querystring>>;

  plain.get(
    path,
    {
      config,
      schema: {
        tags,
        summary: `List ${noun}s, revoked ones too`,
        params,
        querystring,
        response: { 200: listOf(answer) },
      },
    },
    async (request) => {
      const { params, query } = request as Asked;
      const page = pageOf(
        `${noun}s of ${params.id}`,
        kind.all(request.view.plan, params.id),
        (one) => one.factNumber,
        query,
      );
      return { ...page, results: page.results.map(kind.shape) };
    },
  );
  plain.post(
    path,
    {
      config,
      schema: {
        tags,
        querystring: dryRunQuery,
        summary: `Enter a ${noun}`,
        params,
        body: kind.body,
        response: { 201: answer },
      },
    },
    async (request, reply) => {
      const { params, body } = request as Asked;
      const id = newId();
      await record(dependencies, request, (plan) => kind.create(plan, params.id, id, body, clock.nowMs()));
      return reply
        .code(201)
        .header('location', `${path.replace(':id', params.id)}/${id}`)
        .send(shapeOf(request, params.id, id));
    },
  );
  plain.get(
    `${path}/:mark_id`,
    { config, schema: { tags, summary: `A ${noun}`, params: item, response: { 200: answer } } },
    async (request) => {
      const { id, mark_id } = (request as Asked).params;
      return shapeOf(request, id, mark_id);
    },
  );
  plain.post(
    `${path}/:mark_id/revoke`,
    {
      config,
      schema: { tags, querystring: dryRunQuery, summary: `Revoke a ${noun}`, params: item, response: { 200: answer } },
    },
    async (request) => {
      const { id, mark_id } = (request as Asked).params;
      await record(dependencies, request, (plan) => kind.revoke(plan, id, mark_id));
      return shapeOf(request, id, mark_id);
    },
  );
}
