// The lists of spaces, doorways and DPUs, by id.
import type { FastifyTypeProviderDefault } from 'fastify';
import { z } from 'zod';
import type { Floorplan } from '../../shared/floorplan.ts';
import { listOf } from '../answers.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { pageOf } from '../paging.ts';
import { paging } from '../schemas.ts';
import type { Kind } from './things.ts';

export const TAG = 'floor plan';

export type Thing = { readonly id: string; readonly retiredAtMs: number | null };

export function listRoute<Id extends string, Item extends Thing, Put, Patch, Answer>(
  api: Api,
  { clock }: ApiDependencies,
  { noun, path, all, shape, answer }: Kind<Id, Item, Put, Patch, Answer>,
): void {
  const sorted = sortedItems(all);
  const querystring = z.strictObject({
    ...paging,
    include: z.literal('retired').optional().describe('Retired ones are left out otherwise.'),
  });
  const plain = api.withTypeProvider<FastifyTypeProviderDefault>();
  plain.get(
    path,
    {
      config: { confinement: 'view' },
      schema: { tags: [TAG], summary: `List ${noun}s`, querystring, response: { 200: listOf(answer) } },
    },
    async (request) => {
      const query = request.query as z.output<typeof querystring>;
      const items = sorted(request.view.plan, query.include === 'retired');
      const page = pageOf(`${path} ${query.include ?? ''}`, items, (item) => item.id, query);
      return { ...page, results: page.results.map((item) => shape(item, clock.nowMs())) };
    },
  );
}

/** The items of a plan sorted by id; sorted again only after the plan has changed. */
function sortedItems<Id extends string, Item extends Thing>(
  all: (plan: Floorplan) => ReadonlyMap<Id, Item>,
): (plan: Floorplan, withRetired: boolean) => readonly Item[] {
  type Sorted = { readonly factNumber: number; readonly items: readonly Item[]; readonly current: readonly Item[] };
  const kept = new WeakMap<Floorplan, Sorted>();
  return (plan, withRetired) => {
    let sorted = kept.get(plan);
    if (sorted?.factNumber !== plan.factNumber) {
      const items = [...all(plan).values()].sort((one, other) => (one.id < other.id ? -1 : 1));
      sorted = { factNumber: plan.factNumber, items, current: items.filter((item) => item.retiredAtMs === null) };
      kept.set(plan, sorted);
    }
    return withRetired ? sorted.items : sorted.current;
  };
}
