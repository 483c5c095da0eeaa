// Routes of a webhook's messages: what was sent when, and how it went; sending one again, or one to try it out.
import { z } from 'zod';
import type { WebhookRecord } from '../../shared/storage/webhooks.ts';
import { formatTimestamp } from '../../shared/timestamp.ts';
import { newMessage, type WebhookMessage } from '../../shared/webhook.ts';
import { listOf } from '../answers.ts';
import { deliveryAnswer, deliveryItemAnswer } from '../answers-webhooks.ts';
import { available } from '../authentication.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { pageOf } from '../paging.ts';
import { Problem } from '../problem.ts';
import { givenId, paging } from '../schemas.ts';
import { webhookOf } from '../webhooks/lookup.ts';
import { deliveryShape } from '../webhooks/shapes.ts';

const tags = ['webhooks'];
const config = { scope: 'manage', confinement: 'view' } as const;
const params = z.strictObject({ id: givenId });
/** Behind more than these nothing is added by hand: what is made of changes is bounded by itself. */
const WAITING_MAX = 1_000;
const deliveryParams = z.strictObject({
  id: givenId,
  delivery_id: z.string().regex(/^\d{1,15}$/, 'the number of a message'),
});

export function webhookDeliveryRoutes(api: Api, dependencies: ApiDependencies): void {
  const { store } = dependencies.webhooks;
  api.get(
    '/v1/webhooks/:id/deliveries',
    {
      config,
      schema: {
        tags,
        summary: 'The messages of a webhook, the newest first: those that wait, and the last 500 that were delivered',
        params,
        querystring: z.strictObject({
          state: z.enum(['waiting', 'failing', 'delivered']).optional().describe('Default: all.'),
          ...paging,
        }),
        response: { 200: listOf(deliveryAnswer) },
      },
    },
    async (request) => {
      const { params: of, query } = request;
      const { webhook } = await webhookOf(store, request, of.id);
      const all = (await available(store.deliveries(webhook.id))).map(deliveryShape);
      const wanted = all.filter(({ state }) => query.state === undefined || state === query.state);
      const list = `deliveries ${webhook.id} ${query.state ?? ''}`;
      // Numbers that grow along the list.
      const page = pageOf(list, wanted, ({ id }) => -Number(id), query);
      return { ...page, results: [...page.results] };
    },
  );
  api.get(
    '/v1/webhooks/:id/deliveries/:delivery_id',
    {
      config,
      schema: {
        tags,
        summary: 'A message of a webhook',
        params: deliveryParams,
        response: { 200: deliveryItemAnswer },
      },
    },
    async (request) => {
      const { delivery, body } = await deliveryOf(dependencies, request, request.params);
      return { ...deliveryShape(delivery), message: JSON.parse(body) };
    },
  );
  sendingRoutes(api, dependencies);
}

function sendingRoutes(api: Api, dependencies: ApiDependencies): void {
  const { clock, webhooks } = dependencies;
  const add = async ({ webhook, waiting }: WebhookRecord, message: WebhookMessage) => {
    const { id: webhookId } = webhook;
    if (waiting >= WAITING_MAX) {
      const detail = `${waiting} messages of it wait: see why with its deliveries, and ask again when they are fewer`;
      throw new Problem('too_many_deliveries', detail);
    }
    const number = await available(webhooks.store.addDeliveries(webhookId, [message], clock.nowMs(), null));
    webhooks.changed();
    const kept = await available(webhooks.store.delivery(webhookId, number));
    if (kept === null) throw new Problem('webhook_not_found', `webhook ${webhookId} is gone`);
    return deliveryShape(kept.delivery);
  };
  api.post(
    '/v1/webhooks/:id/deliveries/:delivery_id/replay',
    {
      config,
      schema: {
        tags,
        summary: 'Send a message once more, after those that wait, with the id it had',
        params: deliveryParams,
        response: { 202: deliveryAnswer },
      },
    },
    async (request, reply) => {
      const { record, delivery, body } = await deliveryOf(dependencies, request, request.params);
      const { messageId, type } = delivery;
      return reply.code(202).send(await add(record, { messageId, type, body }));
    },
  );
  api.post(
    '/v1/webhooks/:id/test',
    {
      config,
      schema: {
        tags,
        summary: 'Send a message of the type webhook.test, after those that wait',
        params,
        response: { 202: deliveryAnswer },
      },
    },
    async (request, reply) => {
      const record = await webhookOf(webhooks.store, request, request.params.id);
      const message = newMessage('webhook.test', formatTimestamp(clock.nowMs()), { webhook_id: record.webhook.id });
      return reply.code(202).send(await add(record, message));
    },
  );
}

type Named = z.output<typeof deliveryParams>;

async function deliveryOf(
  { webhooks: { store } }: ApiDependencies,
  request: Parameters<typeof webhookOf>[1],
  { id, delivery_id: deliveryId }: Named,
) {
  const record = await webhookOf(store, request, id);
  const kept = await available(store.delivery(record.webhook.id, Number(deliveryId)));
  if (kept === null) {
    throw new Problem('delivery_not_found', `there is no message ${deliveryId} of it; see its deliveries`);
  }
  return { record, ...kept };
}
