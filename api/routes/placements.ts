// Routes of placements: which doorway a DPU watched, watches and will watch.
import { z } from 'zod';
import type { PlacementId } from '../../shared/ids.ts';
import { listOf, placementAnswer } from '../answers.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { patchPlacement, placementBodies, putPlacement, withdrawPlacement } from '../edit/placements.ts';
import { newId } from '../floorplan-marks.ts';
import { dpuOf, placementOf } from '../lookup.ts';
import { pageOf } from '../paging.ts';
import { invalidField } from '../problem.ts';
import { record } from '../recording.ts';
import { dpuId, dryRunQuery, paging, placementId } from '../schemas.ts';
import { placementShape } from '../shapes.ts';

const PATH = '/v1/dpus/:id/placements';
const ITEM = `${PATH}/:placement_id`;
const tags = ['floor plan'];
const config = { confinement: 'dpu' } as const;
const ofDpu = z.strictObject({ id: dpuId });
const item = z.strictObject({ id: dpuId, placement_id: placementId });
const answer = { 200: placementAnswer };
const created = { 201: placementAnswer };

export function placementRoutes(api: Api, dependencies: ApiDependencies): void {
  const querystring = z.strictObject(paging);
  api.get(
    PATH,
    {
      config,
      schema: {
        tags,
        summary: 'Placements as entered',
        params: ofDpu,
        querystring,
        response: { 200: listOf(placementAnswer) },
      },
    },
    async ({ params, query, view }) => {
      const { id, placements } = dpuOf(view.plan, params.id);
      const page = pageOf(`placements of ${id}`, placements, (placement) => placement.factNumber, query);
      return { ...page, results: page.results.map(placementShape) };
    },
  );
  api.get(
    ITEM,
    { config, schema: { tags, summary: 'A placement', params: item, response: answer } },
    async ({ params: { id, placement_id }, view }) => placementShape(placementOf(view.plan, id, placement_id)),
  );
  changeRoutes(api, dependencies);
}

function changeRoutes(api: Api, dependencies: ApiDependencies): void {
  const { plan } = dependencies.floorplan;
  const { post, put, patch } = placementBodies;
  api.post(
    PATH,
    {
      config,
      schema: {
        tags,
        querystring: dryRunQuery,
        summary: 'Place a DPU on a doorway',
        params: ofDpu,
        body: post,
        response: created,
      },
    },
    async (request, reply) => {
      const {
        params: { id },
        body,
      } = request;
      const placementId = newId() as PlacementId;
      await record(dependencies, request, (plan) => putPlacement(plan, id, placementId, body));
      reply.code(201).header('location', `/v1/dpus/${id}/placements/${placementId}`);
      return reply.send(placementShape(placementOf(plan, id, placementId)));
    },
  );
  api.put(
    ITEM,
    {
      config,
      schema: {
        tags,
        querystring: dryRunQuery,
        summary: 'Make or replace a placement',
        params: item,
        body: put,
        response: { ...answer, ...created },
      },
    },
    async (request, reply) => {
      const {
        params: { id, placement_id },
        body,
      } = request;
      if ((body.id ?? placement_id) !== placement_id) throw invalidField('body.id', `the path says ${placement_id}`);
      if ((body.dpu_id ?? id) !== id) throw invalidField('body.dpu_id', `the path says ${id}`);
      let isNew = false;
      await record(dependencies, request, (plan) => {
        isNew = !plan.dpuOfPlacement.has(placement_id);
        return putPlacement(plan, id, placement_id, body);
      });
      return reply.code(isNew ? 201 : 200).send(placementShape(placementOf(plan, id, placement_id)));
    },
  );
  api.patch(
    ITEM,
    {
      config,
      schema: {
        tags,
        querystring: dryRunQuery,
        summary: 'Correct a placement',
        params: item,
        body: patch,
        response: answer,
      },
    },
    async (request) => {
      const {
        params: { id, placement_id },
        body,
      } = request;
      await record(dependencies, request, (plan) => patchPlacement(plan, id, placement_id, body));
      return placementShape(placementOf(plan, id, placement_id));
    },
  );
  withdrawRoute(api, dependencies);
}

function withdrawRoute(api: Api, dependencies: ApiDependencies): void {
  api.delete(
    ITEM,
    {
      config,
      schema: {
        tags,
        querystring: dryRunQuery,
        summary: 'Withdraw a placement, as if it never was',
        params: item,
        response: { 204: z.undefined() },
      },
    },
    async (request, reply) => {
      const { id, placement_id } = request.params;
      await record(dependencies, request, (plan) => withdrawPlacement(plan, id, placement_id));
      return reply.code(204).send();
    },
  );
}
