// The route of series: what the count of a space did in each interval of a range, in pages or as an export.
import type { FastifyReply, FastifyTypeProviderDefault } from 'fastify';
import { z } from 'zod';
import { INTERVALS } from '../../shared/calendar.ts';
import type { SpaceId } from '../../shared/ids.ts';
import type { Span } from '../../shared/storage/history.ts';
import { formatTimestamp } from '../../shared/timestamp.ts';
import { bucketAnswer, listOf } from '../answers.ts';
import { bucketsOf } from '../buckets.ts';
import type { CountSources } from '../count.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { type ExportType, exportable, exportType, PIECE_ROWS, sendRows } from '../export.ts';
import { spaceOf } from '../lookup.ts';
import { openCursor, sealCursor } from '../paging.ts';
import { invalidField } from '../problem.ts';
import { order, paging, queryMoment, spaceId } from '../schemas.ts';
import { type BucketCount, seriesOf } from '../series.ts';

const params = z.strictObject({ id: spaceId });
const seriesQuery = z.strictObject({
  start_time: queryMoment.describe('Rounds down to the start of an interval in the zone of the space.'),
  end_time: queryMoment.describe('Cut at now.'),
  interval: z.enum(INTERVALS),
  order,
  ...paging,
});
type Asked = {
  readonly params: { readonly id: SpaceId };
  readonly query: z.output<typeof seriesQuery>;
};

export function seriesRoutes(api: Api, { floorplan, history, clock }: ApiDependencies): void {
  const sources: CountSources = { plan: floorplan.plan, history, clock };
  // What is answered depends on the Accept header, which the types of the schemas cannot follow.
  const plain = api.withTypeProvider<FastifyTypeProviderDefault>();
  plain.get(
    '/v1/spaces/:id/counts',
    {
      config: { confinement: 'space' },
      schema: {
        tags: ['counts'],
        summary: 'What the count of a space did in each interval of a range',
        params,
        querystring: seriesQuery,
        response: exportable(listOf(bucketAnswer)),
      },
    },
    async (request, reply) => {
      const { params, query } = request as Asked;
      const { versions } = spaceOf(sources.plan, params.id);
      const { start_time: fromMs, end_time: endMs, interval, order = 'asc' } = query;
      if (endMs <= fromMs) throw invalidField('query.end_time', 'it must be after start_time');
      const list = `series ${params.id} ${fromMs} ${endMs} ${interval} ${order}`;
      const after = openCursor(list, query.cursor);
      const untilMs = Math.min(endMs, sources.clock.nowMs());
      const buckets = bucketsOf(versions, interval, { fromMs, untilMs });
      if (order === 'desc') buckets.reverse();
      const type = exportType(request, reply);
      if (type !== null) return sendSeries(reply, type, sources, params.id, buckets);
      const first =
        after === undefined ? 0 : buckets.findIndex((bucket) => isAfter(bucket.fromMs, Number(after), order));
      const wanted = first === -1 ? [] : buckets.slice(first, first + query.page_size);
      const last = wanted.at(-1);
      const isMore = last !== undefined && first + wanted.length < buckets.length;
      const results = (await countedBuckets(sources, params.id, wanted)).map(bucketShape);
      return { total: buckets.length, next: isMore ? sealCursor(list, String(last.fromMs)) : null, results };
    },
  );
}

/** The counts of buckets that join up, forwards or backwards, in their order. */
async function countedBuckets(sources: CountSources, spaceId: SpaceId, buckets: readonly Span[]) {
  const isBackwards = (buckets[0]?.fromMs ?? 0) > (buckets.at(-1)?.fromMs ?? 0);
  const counted = await seriesOf(sources, spaceId, isBackwards ? buckets.toReversed() : buckets);
  return isBackwards ? counted.toReversed() : counted;
}

function sendSeries(
  reply: FastifyReply,
  type: ExportType,
  sources: CountSources,
  spaceId: SpaceId,
  buckets: readonly Span[],
): Promise<FastifyReply> {
  const pieces = async function* () {
    for (let at = 0; at < buckets.length; at += PIECE_ROWS) {
      const shapes = (await countedBuckets(sources, spaceId, buckets.slice(at, at + PIECE_ROWS))).map(bucketShape);
      yield type === 'text/csv' ? shapes.map(bucketRow) : shapes;
    }
  };
  return sendRows(reply, type, BUCKET_COLUMNS, pieces());
}

const BUCKET_COLUMNS = ['start', 'end', 'count', 'min', 'max', 'entrances', 'exits', 'events', 'suppressed'];

function bucketRow({ count, interval: { start, end, analytics } }: ReturnType<typeof bucketShape>) {
  return { start, end, count, ...analytics };
}

function isAfter(fromMs: number, placeMs: number, order: 'asc' | 'desc'): boolean {
  return order === 'asc' ? fromMs > placeMs : fromMs < placeMs;
}

function bucketShape({ fromMs, untilMs, count, min, max, entrances, exits }: BucketCount) {
  const start = formatTimestamp(fromMs);
  const analytics = { min, max, entrances, exits, events: entrances + exits };
  return { timestamp: start, count, interval: { start, end: formatTimestamp(untilMs), analytics } };
}
