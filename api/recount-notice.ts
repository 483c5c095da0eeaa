// Answers to changes of the floor plan tell of the recount that they made: as `recount`, and without a body by a Location.
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Fact } from '../shared/fact.ts';
import { recountAnswer } from './answers-past.ts';
import type { Api, ApiDependencies } from './dependencies.ts';
import { type FactRange, recountId, recountOf } from './recounts.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The facts that the request recorded; null: none. */
    recorded: FactRange | null;
  }
}

type ObjectSchema = z.ZodObject;
type RouteSchema = { querystring?: ObjectSchema; response?: Record<string, ObjectSchema | undefined> };

/** The request has recorded `facts`. */
export function noteRecorded(request: Pick<FastifyRequest, 'recorded'>, facts: readonly Fact[]): void {
  const [first, last] = [facts[0], facts.at(-1)];
  if (first !== undefined && last !== undefined) request.recorded = { first: first.number, last: last.number };
}

export function tellOfRecounts(api: Api, { floorplan, history, processor }: ApiDependencies): void {
  const sources = { facts: floorplan.facts, history, processor };
  api.decorateRequest('recorded', null);
  api.addHook('preSerialization', async (request, _, payload) => {
    if (request.recorded === null || typeof payload !== 'object' || payload === null) return payload;
    const recount = await recountOf(sources, request.recorded);
    if (recount === null) return payload;
    const spaces = recount.spaces.filter((spaceId) => request.view.plan.spaces.has(spaceId));
    return { ...payload, recount: { ...recount, spaces } };
  });
  api.addHook('onSend', async (request, reply, payload) => {
    if (request.recorded !== null && reply.statusCode === 204) {
      const recount = await recountOf(sources, request.recorded);
      if (recount !== null) reply.header('location', `/v1/recounts/${recountId(request.recorded)}`);
    }
    return payload;
  });
  api.addHook('onRoute', (route) => {
    const schema = (route.schema ?? {}) as RouteSchema;
    if (!('dry_run' in (schema.querystring?.shape ?? {}))) return;
    for (const status of ['200', '201']) {
      const answer = schema.response?.[status];
      if (answer === undefined || schema.response === undefined) continue;
      const { id, ...meta } = answer.meta() ?? {};
      const changed = answer.extend({ recount: recountAnswer.optional().describe(WHEN) });
      schema.response[status] = id === undefined ? changed : changed.meta({ ...meta, id: `${id}Changed` });
    }
  });
}

const WHEN = 'Only there when stored events are counted differently from now on.';
