// Routes of counts: of a space or of many, now or at a moment.
import { z } from 'zod';
import { bucketStartMs } from '../../shared/calendar.ts';
import type { Certainty } from '../../shared/certainty.ts';
import { DoorwayCoverage } from '../../shared/coverage.ts';
import type { Space } from '../../shared/floorplan.ts';
import type { SpaceId } from '../../shared/ids.ts';
import { formatTimestamp, formatTimestampOrNull } from '../../shared/timestamp.ts';
import { versionAt } from '../../shared/versions.ts';
import { countAnswer, listOf } from '../answers.ts';
import { Certainties } from '../certainty.ts';
import {
  type Counted,
  type CountSources,
  countsKnownAt,
  countsOf,
  factToAwait,
  knownAsked,
  momentAsked,
  type PastSources,
} from '../count.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { spaceOf } from '../lookup.ts';
import { pageOf } from '../paging.ts';
import { invalidField } from '../problem.ts';
import { recountsDone } from '../recounts.ts';
import { paging, queryMoment, spaceId, spaceIds } from '../schemas.ts';
import { type BucketCount, seriesOf } from '../series.ts';

const tags = ['counts'];
const params = z.strictObject({ id: spaceId });
const knownAt = queryMoment.optional().describe('The answer as it would have been at this moment; not before `at`.');
const at = queryMoment.optional().describe('Default now.');

export function countRoutes(api: Api, dependencies: ApiDependencies): void {
  const { floorplan, history, clock, futureAllowedMs, processor } = dependencies;
  const certainties = new Certainties({
    ...dependencies,
    plan: floorplan.plan,
    coverage: new DoorwayCoverage(floorplan.plan),
    rules: dependencies,
  });
  const sources: PastSources = { plan: floorplan.plan, facts: floorplan.facts, history, clock };
  api.get(
    '/v1/spaces/:id/count',
    {
      config: { confinement: 'space' },
      schema: {
        tags,
        summary: 'How many people are, or were, in a space',
        params,
        querystring: z.strictObject({ at, known_at: knownAt }),
        response: { 200: countAnswer },
      },
    },
    async ({ params, query }) => {
      const { id } = spaceOf(sources.plan, params.id);
      const atMs = momentAsked(query.at, clock, futureAllowedMs);
      const { known_at: knownAtMs } = query;
      if (knownAtMs !== undefined) {
        const asked = knownAsked(atMs, knownAtMs, clock);
        await recountsDone(processor, factToAwait(sources, knownAtMs));
        const [known] = await countsKnownAt(sources, [id], asked, knownAtMs);
        return { ...countShape(known as Counted), known_at: formatTimestamp(knownAtMs) };
      }
      const certaintyOf = await certainties.about([id]);
      const [counted] = await countsOf(sources, [id], atMs);
      const [certainty] = await certaintyOf([counted as Counted]);
      return { ...countShape(counted as Counted), ...certaintyShape(certainty as Certainty) };
    },
  );
  api.get(
    '/v1/spaces/counts',
    {
      config: { confinement: 'view' },
      schema: {
        tags,
        summary: 'How many people are, or were, in each space',
        querystring: z.strictObject({
          at,
          known_at: knownAt,
          space_ids: spaceIds.optional(),
          include: z.literal('today').optional(),
          ...paging,
        }),
        response: { 200: listOf(countAnswer) },
      },
    },
    async ({ query, view }) => {
      const atMs = momentAsked(query.at, clock, futureAllowedMs);
      const wanted = wantedSpaces(view, query.space_ids, atMs ?? clock.nowMs());
      const page = pageOf(`counts ${query.space_ids ?? ''}`, wanted, ({ key }) => key, query);
      const ids = page.results.map(({ id }) => id);
      const { known_at: knownAtMs } = query;
      if (knownAtMs !== undefined) {
        if (query.include !== undefined) throw invalidField('query.include', 'not together with known_at');
        const asked = knownAsked(atMs, knownAtMs, clock);
        await recountsDone(processor, factToAwait(sources, knownAtMs));
        const known = await countsKnownAt(sources, ids, asked, knownAtMs);
        const results = known.map((one) => ({ ...countShape(one), known_at: formatTimestamp(knownAtMs) }));
        return { ...page, results };
      }
      const certaintiesOf = await certainties.about(ids);
      const counts = await countsOf(sources, ids, atMs);
      const sure = await certaintiesOf(counts);
      const today = query.include === 'today' ? await Promise.all(counts.map((one) => todayOf(sources, one))) : [];
      const results = counts.map((counted, index) => {
        const shape = { ...countShape(counted), ...certaintyShape(sure[index] as Certainty) };
        return today[index] === undefined ? shape : { ...shape, today: today[index] };
      });
      return { ...page, results };
    },
  );
}

type WantedSpace = { readonly id: SpaceId; readonly key: string | number };

/** The spaces asked for in their order, or all that were not retired at `atMs`, by id. */
function wantedSpaces(
  { plan }: Pick<CountSources, 'plan'>,
  ids: readonly SpaceId[] | undefined,
  atMs: number,
): WantedSpace[] {
  if (ids !== undefined) return ids.map((id, key) => ({ id: spaceOf(plan, id, 'query.space_ids').id, key }));
  const isThere = ({ retiredAtMs }: Space) => retiredAtMs === null || retiredAtMs > atMs;
  const wanted = [...plan.spaces.values()].filter(isThere).map(({ id }) => ({ id, key: id }));
  return wanted.sort((one, other) => (one.id < other.id ? -1 : 1));
}

/** From local midnight to the moment of the count. */
async function todayOf(sources: CountSources, { spaceId, atMs }: Counted) {
  const zone = versionAt(spaceOf(sources.plan, spaceId).versions, atMs)?.timeZone ?? 'UTC';
  const day = { fromMs: bucketStartMs(atMs, '1d', zone), untilMs: atMs + 1 };
  const [today] = await seriesOf(sources, spaceId, [day]);
  const { entrances, exits, max } = today as BucketCount;
  return { entrances, exits, peak: max };
}

function countShape({ spaceId, atMs, count, start, revision }: Counted) {
  return {
    space_id: spaceId,
    at: formatTimestamp(atMs),
    count,
    occupancy: Math.max(0, count),
    reset: start === null ? null : { id: start.id, at: formatTimestamp(start.atMs), count: start.count },
    revision,
  };
}

function certaintyShape({ status, watermarkMs, waitingFor, lost, coverage }: Certainty) {
  const watermark = formatTimestampOrNull(watermarkMs);
  return { status, watermark, waiting_for: [...waitingFor], lost: [...lost], coverage };
}
