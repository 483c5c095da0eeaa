// Delivery to webhooks, put together from what the API stands on.
import { DoorwayCoverage } from '../../shared/coverage.ts';
import type { Storage } from '../../shared/storage/open.ts';
import { Certainties } from '../certainty.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { viewsOf } from '../view.ts';
import { type Deliverer, startDelivering } from './deliverer.ts';
import { ATTEMPT_TIMEOUT_MS } from './send.ts';

/** What the routes need, and delivery itself, which begins once everything else is there. */
export function webhooksOn(store: Storage['webhooks'], networks: readonly string[]) {
  let deliverer: Deliverer | undefined;
  return {
    store,
    networks,
    changed: () => deliverer?.refresh(),
    deliver: async (dependencies: ApiDependencies) => {
      deliverer = await openDeliverer(dependencies, store);
    },
    close: async () => deliverer?.close(),
  };
}

export type DeliveryDependencies = Pick<
  ApiDependencies,
  'floorplan' | 'history' | 'processor' | 'watch' | 'clock' | 'log' | 'latenessAllowedMs' | 'lostAfterMs'
> & { readonly webhooks: Pick<ApiDependencies['webhooks'], 'networks'> };

/** `timeoutMs`: of one attempt. */
export function openDeliverer(
  dependencies: DeliveryDependencies,
  store: Storage['webhooks'],
  timeoutMs = ATTEMPT_TIMEOUT_MS,
): Promise<Deliverer> {
  const { floorplan, history, clock, log, latenessAllowedMs, webhooks } = dependencies;
  const { plan, facts } = floorplan;
  const coverage = new DoorwayCoverage(plan);
  const certainties = new Certainties({ ...dependencies, plan, coverage, rules: dependencies });
  const sources = { plan, facts, history, clock, latenessAllowedMs, certainties, viewOf: viewsOf(plan) };
  return startDelivering({ sources, store, clock, log, networks: webhooks.networks, timeoutMs, random: Math.random });
}
