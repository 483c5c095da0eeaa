// Routes of events: the door for DPUs that speak HTTP, and what is stored.
import type { FastifyReply, FastifyRequest, FastifySchemaCompiler, FastifyTypeProviderDefault } from 'fastify';
import { z } from 'zod';
import { EVENTS_PER_MESSAGE_MAX } from '../../shared/event.ts';
import { eventSchema } from '../../shared/event-schema.ts';
import type { DpuId, SpaceId } from '../../shared/ids.ts';
import type { Ingest, Message, Outcome } from '../../shared/ingest.ts';
import type { EventsQuery, StoredEvent } from '../../shared/storage/history.ts';
import { acceptedAnswer, eventAnswer, listOf } from '../answers.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { EVER } from '../ever.ts';
import { eventPieces, exportable, exportType, sendRows } from '../export.ts';
import { dpuOf, spaceOf } from '../lookup.ts';
import { openCursor, sealCursor } from '../paging.ts';
import { invalidField, Problem } from '../problem.ts';
import { journalUnavailable, unlessFailing } from '../recording.ts';
import { dpuId, order, paging, queryMoment, spaceId } from '../schemas.ts';
import { eventShape } from '../shapes.ts';
import { validateAllButBody } from '../validation.ts';
import type { View } from '../view.ts';

const BODY_BYTES_MAX = 1024 * 1024;
/** How long a POST waits for the journal before it is told to come again. */
const STORED_TIMEOUT_MS = 5_000;

const tags = ['events'];
const querystring = z.strictObject({
  start_time: queryMoment.optional(),
  end_time: queryMoment.optional(),
  by: z.enum(['timestamp', 'received']).optional().describe('received: by when they were recorded, in that order.'),
  order,
  ...paging,
});
type Query = z.output<typeof querystring>;
const response = exportable(listOf(eventAnswer));
/** As `replay` takes them, and then the rest. */
const COLUMNS = ['timestamp', 'direction', 'dpu_id', 'epoch', 'seq', 'received_at', 'recorded_at', 'status'];

export function eventRoutes(api: Api, dependencies: ApiDependencies): void {
  const { floorplan, history, clock, futureAllowedMs } = dependencies;
  // What is answered depends on the Accept header, which the types of the schemas cannot follow.
  const plain = api.withTypeProvider<FastifyTypeProviderDefault>();

  /** What `whose` names: a page, or all for an export; `list` is its name in cursors. */
  const answer = async (
    request: FastifyRequest,
    reply: FastifyReply,
    list: string,
    whose: Pick<EventsQuery, 'dpuId' | 'spaceId' | 'within'>,
  ) => {
    const query = request.query as Query;
    const { start_time: fromMs = EVER.fromMs, end_time: untilMs = EVER.untilMs } = query;
    const { by = 'timestamp', order = 'asc' } = query;
    if (untilMs <= fromMs) throw invalidField('query.end_time', 'it must be after start_time');
    const wanted = { ...whose, by, order, span: { fromMs, untilMs } };
    const type = exportType(request, reply);
    if (type !== null) {
      const latestMs = clock.nowMs() + futureAllowedMs;
      return sendRows(reply, type, COLUMNS, shaped(eventPieces(history, wanted, latestMs)));
    }
    const name = `events ${list} ${fromMs} ${untilMs} ${by} ${order}`;
    const cursor = openCursor(name, query.cursor);
    const place = cursor === undefined ? {} : { cursor };
    const found = await history.events({ ...wanted, limit: query.page_size, ...place });
    const next = found.next === null ? null : sealCursor(name, found.next);
    return { total: found.total, next, results: found.results.map(eventShape) };
  };

  plain.get(
    '/v1/events',
    { config: { confinement: 'view' }, schema: { tags, summary: 'Stored events', querystring, response } },
    async (request, reply) => answer(request, reply, 'all', shownTo(request.view)),
  );
  plain.get(
    '/v1/spaces/:id/events',
    {
      config: { confinement: 'space' },
      schema: {
        tags,
        summary: 'Events that change a space',
        params: z.strictObject({ id: spaceId }),
        querystring,
        response,
      },
    },
    async (request, reply) => {
      const { id } = spaceOf(floorplan.plan, (request.params as { id: SpaceId }).id);
      return answer(request, reply, `space ${id}`, { spaceId: id });
    },
  );
  plain.get(
    '/v1/dpus/:id/events',
    {
      config: { confinement: 'dpu' },
      schema: { tags, summary: 'Events of a DPU', params: z.strictObject({ id: dpuId }), querystring, response },
    },
    async (request, reply) => {
      const { id } = dpuOf(floorplan.plan, (request.params as { id: DpuId }).id);
      return answer(request, reply, `dpu ${id}`, { dpuId: id, ...shownTo(request.view) });
    },
  );
  ingestRoute(api, dependencies.ingest);
}

async function* shaped(pieces: AsyncGenerator<readonly StoredEvent[]>) {
  for await (const piece of pieces) yield piece.map(eventShape);
}

/** Of what a view shows, for a query. */
function shownTo({ spans }: View): Pick<EventsQuery, 'within'> {
  return spans === null ? {} : { within: spans };
}

function ingestRoute(api: Api, ingest: Ingest): void {
  api.post(
    '/v1/dpus/:id/events',
    {
      config: { scope: 'ingest', confinement: 'own_dpu' },
      bodyLimit: BODY_BYTES_MAX,
      schema: {
        tags,
        summary: 'Store events of a DPU',
        description: 'Answered once they are durable. What cannot be counted is quarantined, with the reason.',
        params: z.strictObject({ id: dpuId }),
        body: z.union([eventSchema, z.array(eventSchema).max(EVENTS_PER_MESSAGE_MAX)]),
        response: { 202: acceptedAnswer },
      },
      // What is wrong with an event is for the quarantine, not for a 400: the schema only describes.
      validatorCompiler: validateAllButBody as FastifySchemaCompiler<unknown>,
    },
    async (request, reply) => {
      const payload = request.bodyBytes;
      if (payload === null || payload.length === 0)
        throw new Problem('invalid_json', 'send an event or an array of events');
      const outcomes = await stored(ingest, { dpuId: request.params.id, topic: null, payload, value: request.body });
      const accepted = outcomes.filter(({ status }) => status === 'accepted').length;
      return reply.code(202).send({ accepted, results: outcomes.map(({ status, reason }) => ({ status, reason })) });
    },
  );
}

/** What became of each event of the message, once that is durable. */
function stored(ingest: Ingest, message: Message): Promise<readonly Outcome[]> {
  if (ingest.writer.saturated) throw journalUnavailable('nothing was stored; send the same again');
  const { promise, resolve } = Promise.withResolvers<readonly Outcome[]>();
  ingest.accept(message, resolve);
  return unlessFailing(ingest.writer, promise, STORED_TIMEOUT_MS);
}
