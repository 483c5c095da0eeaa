// What a confined key gets to see, decided for every route in one place, before its handler runs.
//
//   key with a root space ──▶ does the route say how it is confined? ──▶ is all that is named in the view? ──▶ handler
//                                 └─ no: 403 forbidden                      └─ no: 404 <thing>_not_found
//
// A route that nobody thought about is closed to confined keys. Handlers read the floor plan through `request.view`, which
// shows a confined key its part only, and record() refuses changes that reach beyond it.
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../shared/clock.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import type { DoorwayId, DpuId, SpaceId } from '../shared/ids.ts';
import type { Api } from './dependencies.ts';
import { notFound } from './lookup.ts';
import { Problem } from './problem.ts';
import { beyond, type View, viewsOf } from './view.ts';

/**
 * How a route is confined. `no_space`: nothing in it is of any space; `view`: all that it answers is taken from the
 * request's view; the others also say what `:id` is. `own_dpu`: it does something to the DPU, which must be wholly inside.
 */
export type RouteConfinement = 'no_space' | 'view' | 'space' | 'doorway' | 'dpu' | 'own_dpu';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Not given: closed to confined keys. */
    confinement?: RouteConfinement;
  }
  interface FastifyRequest {
    /** As it is at the moment it is read; the whole for a key that is not confined. */
    readonly view: View;
  }
}

type Kind = 'space' | 'doorway' | 'dpu';

/** Fields of bodies and queries that name something, wherever they come. */
const NAMES: Readonly<Record<string, Kind>> = {
  space_id: 'space',
  space_ids: 'space',
  parent_id: 'space',
  a: 'space',
  b: 'space',
  doorway_id: 'doorway',
  dpu_id: 'dpu',
};

/** Confines every route of `api`. */
export function confineRequests(api: Api, plan: Floorplan, clock: Clock): void {
  const viewOf = viewsOf(plan);
  api.decorateRequest('view', {
    getter(this: FastifyRequest) {
      return viewOf(this.identity?.rootSpaceId ?? null, clock.nowMs());
    },
  });
  api.addHook('onRequest', async (request) => {
    const rootSpaceId = request.identity?.rootSpaceId ?? null;
    if (rootSpaceId === null || request.is404 || request.routeOptions.config.confinement !== undefined) return;
    throw beyond(rootSpaceId);
  });
  // After the request has been validated, so that what is no id gets its 400.
  api.addHook('preHandler', async (request) => {
    const { within } = request.view;
    const { confinement } = request.routeOptions.config;
    if (within === null || confinement === undefined || confinement === 'no_space') return;
    refuseNames(request.view, 'query', request.query);
    if (confinement !== 'view') {
      const { id } = request.params as { readonly id: string };
      const kind = confinement === 'own_dpu' ? 'dpu' : confinement;
      // A DPU that is new is nowhere, so no confined key can make one.
      const isNew = request.method === 'PUT' && kind !== 'dpu' && !has(plan, kind, id);
      if (!isNew && !has(request.view.plan, kind, id)) throw notFound(kind, id);
      if (confinement === 'own_dpu' && !within.isDpuInside(id as DpuId)) throw beyond(within.rootSpaceId);
    }
    if (confinement !== 'own_dpu') refuseNames(request.view, 'body', request.body);
  });
}

/** Throws a 404 for the first thing that a field of `part` names and the view does not show. */
function refuseNames({ plan }: View, name: string, part: unknown): void {
  if (typeof part !== 'object' || part === null) return;
  for (const [field, value] of Object.entries(part)) {
    const kind = Object.hasOwn(NAMES, field) ? NAMES[field] : undefined;
    if (kind === undefined) continue;
    for (const id of [value].flat()) {
      if (typeof id === 'string' && !has(plan, kind, id)) throw notFound(kind, id, `${name}.${field}`);
    }
  }
}

function has({ spaces, doorways, dpus }: Floorplan, kind: Kind, id: string): boolean {
  if (kind === 'space') return spaces.has(id as SpaceId);
  return kind === 'doorway' ? doorways.has(id as DoorwayId) : dpus.has(id as DpuId);
}

/** For a confined key: what is wrong, without what else there is in the building. */
export function withoutNames(error: unknown): unknown {
  if (!(error instanceof Problem)) return error;
  if (error.code === 'space_cycle') return new Problem('space_cycle', 'choose a parent that is not inside the space');
  return error.code === 'already_exists' ? new Problem('already_exists', 'choose another id') : error;
}
