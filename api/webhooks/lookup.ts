// Webhooks that a request may see: all, or those that were made with a key confined to a part of what its own key sees.
import type { FastifyRequest } from 'fastify';
import type { WebhookRecord, WebhookStore } from '../../shared/storage/webhooks.ts';
import { available } from '../authentication.ts';
import { Problem } from '../problem.ts';

type Asking = Pick<FastifyRequest, 'identity' | 'view'>;

export async function webhooksOf(store: WebhookStore, { identity, view }: Asking): Promise<WebhookRecord[]> {
  const all = await available(store.webhooks());
  if ((identity?.rootSpaceId ?? null) === null) return all;
  return all.filter(({ webhook: { rootSpaceId } }) => rootSpaceId !== null && view.plan.spaces.has(rootSpaceId));
}

/** Throws a 404 for one that is not there, or not for this key. */
export async function webhookOf(store: WebhookStore, request: Asking, id: string): Promise<WebhookRecord> {
  const record = (await webhooksOf(store, request)).find(({ webhook }) => webhook.id === id);
  if (record === undefined) throw new Problem('webhook_not_found', `there is no webhook ${id}; see /v1/webhooks`);
  return record;
}
