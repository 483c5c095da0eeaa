// The routes that spaces, doorways and DPUs share: collection, item, and how each is made, replaced, changed and retired.
import type { FastifyRequest, FastifyTypeProviderDefault } from 'fastify';
import { z } from 'zod';
import type { Change } from '../../shared/fact.ts';
import type { Floorplan } from '../../shared/floorplan.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { type Move, movesIn } from '../edit/tree.ts';
import { invalidField } from '../problem.ts';
import { record } from '../recording.ts';
import { dryRunQuery } from '../schemas.ts';
import { suggestedResets } from '../suggested-resets.ts';
import { listRoute, TAG, type Thing } from './thing-list.ts';

/** One kind of thing. The functions that give changes decide on the plan, and throw Problems. */
export type Kind<Id extends string, Item extends Thing, Put, Patch, Answer> = {
  readonly noun: string;
  readonly confinement: 'space' | 'doorway' | 'dpu';
  readonly path: string;
  readonly id: z.ZodType<Id>;
  readonly bodies: {
    readonly post: z.ZodType<NoInfer<Put> & { id: Id }>;
    readonly put: z.ZodType<Put>;
    readonly patch: z.ZodType<Patch>;
  };
  readonly answer: z.ZodType<Answer>;
  all(plan: Floorplan): ReadonlyMap<Id, Item>;
  /** The item, or a 404. */
  find(plan: Floorplan, id: Id): Item;
  shape(item: Item, atMs: number): Answer;
  create(plan: Floorplan, id: Id, body: NoInfer<Put>): Change[];
  replace(plan: Floorplan, item: Item, body: NoInfer<Put>, nowMs: number): Change[];
  patch(plan: Floorplan, item: Item, body: NoInfer<Patch>, nowMs: number): Change[];
  /** What `remove` must know besides the plan. */
  isReferred(id: Id): Promise<boolean>;
  remove(plan: Floorplan, item: Item, nowMs: number, isReferred: boolean): Change[];
  /** Called after one was made. */
  created(id: Id): Promise<void>;
};

/** The routes' types hang on `Kind`, which fastify's inference cannot follow: bodies are what their schemas made of them. */
type Request<Id, Body> = { readonly params: { readonly id: Id }; readonly body: Body };

export function thingRoutes<Id extends string, Item extends Thing, Put, Patch, Answer extends object>(
  api: Api,
  dependencies: ApiDependencies,
  kind: Kind<Id, Item, Put, Patch, Answer>,
): void {
  const { noun, path, bodies } = kind;
  const plain = api.withTypeProvider<FastifyTypeProviderDefault>();
  const params = z.strictObject({ id: kind.id });
  const tags = [TAG];
  const answer = { 200: kind.answer };
  const created = { 201: kind.answer };
  const config = { confinement: kind.confinement };

  const change = changing(dependencies, kind);

  listRoute(api, dependencies, kind);
  plain.post(
    path,
    {
      // A DPU that is new is nowhere, so no confined key could see it.
      config: kind.confinement === 'dpu' ? {} : { confinement: 'view' as const },
      schema: { tags, querystring: dryRunQuery, summary: `Make a ${noun}`, body: bodies.post, response: created },
    },
    async (request, reply) => {
      const { body } = request as Request<Id, Put & { id: Id }>;
      const made = await change(request, body.id, (plan) => kind.create(plan, body.id, body));
      await kind.created(body.id);
      return reply.code(201).header('location', `${path}/${body.id}`).send(made);
    },
  );
  plain.put(
    `${path}/:id`,
    {
      config,
      schema: {
        tags,
        querystring: dryRunQuery,
        summary: `Make or replace a ${noun}`,
        params,
        body: bodies.put,
        response: { ...answer, ...created },
      },
    },
    async (request, reply) => {
      const { params, body } = request as Request<Id, Put & { id?: Id }>;
      const { id } = params;
      if (body.id !== undefined && body.id !== id) throw invalidField('body.id', `the path says ${id}`);
      let isNew = false;
      const now = await change(request, id, (plan, nowMs) => {
        const held = kind.all(plan).get(id);
        isNew = held === undefined;
        if (held === undefined || held.retiredAtMs !== null) return kind.create(plan, id, body);
        return kind.replace(plan, held, body, nowMs);
      });
      if (isNew) await kind.created(id);
      return reply.code(isNew ? 201 : 200).send(now);
    },
  );
  plain.patch(
    `${path}/:id`,
    {
      config,
      schema: {
        tags,
        querystring: dryRunQuery,
        summary: `Change a ${noun}`,
        params,
        body: bodies.patch,
        response: answer,
      },
    },
    async (request) => {
      const { params, body } = request as Request<Id, Patch>;
      return change(request, params.id, (plan, nowMs) => kind.patch(plan, kind.find(plan, params.id), body, nowMs));
    },
  );
  itemRoutes(api, dependencies, kind);
}

/** Records what is decided, and answers with the thing as it is then. */
function changing<Id extends string, Item extends Thing, Put, Patch, Answer extends object>(
  dependencies: ApiDependencies,
  kind: Kind<Id, Item, Put, Patch, Answer>,
): (request: FastifyRequest, id: Id, decide: (plan: Floorplan, nowMs: number) => Change[]) => Promise<Answer> {
  const { floorplan, clock } = dependencies;
  return async (request, id, decide) => {
    let moves: Move[] | null = null;
    await record(dependencies, request, (plan) => {
      const changes = decide(plan, clock.nowMs());
      moves = movesIn(plan, changes);
      return changes;
    });
    const { plan } = request.view;
    const shape = kind.shape(kind.find(plan, id), clock.nowMs());
    if (moves === null) return shape;
    const suggested = await suggestedResets({ ...dependencies, plan: floorplan.plan }, moves);
    return { ...shape, suggested_resets: suggested.filter(({ space_id }) => plan.spaces.has(space_id)) };
  };
}

/** The routes of one item that need no body. */
function itemRoutes<Id extends string, Item extends Thing, Put, Patch, Answer>(
  api: Api,
  dependencies: ApiDependencies,
  kind: Kind<Id, Item, Put, Patch, Answer>,
): void {
  const { floorplan, clock } = dependencies;
  const { noun } = kind;
  const config = { confinement: kind.confinement };
  const plain = api.withTypeProvider<FastifyTypeProviderDefault>();
  const path = `${kind.path}/:id`;
  const params = z.strictObject({ id: kind.id });
  const tags = [TAG];
  plain.get(
    path,
    { config, schema: { tags, summary: `A ${noun}, retired or not`, params, response: { 200: kind.answer } } },
    async (request) => {
      const { id } = (request as Request<Id, undefined>).params;
      return kind.shape(kind.find(request.view.plan, id), clock.nowMs());
    },
  );
  plain.delete(
    path,
    {
      config,
      schema: {
        tags,
        querystring: dryRunQuery,
        summary: `Retire a ${noun}, or remove one never used`,
        params,
        response: { 204: z.undefined() },
      },
    },
    async (request, reply) => {
      const { id } = (request as Request<Id, undefined>).params;
      kind.find(floorplan.plan, id);
      const isReferred = await kind.isReferred(id);
      await record(dependencies, request, (plan) => kind.remove(plan, kind.find(plan, id), clock.nowMs(), isReferred));
      return reply.code(204).send();
    },
  );
}
