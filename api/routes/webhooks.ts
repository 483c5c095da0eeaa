// Routes of webhooks: who is told what over HTTP, at which address, and with which secret it is signed.
import { z } from 'zod';
import type { WebhookRecord } from '../../shared/storage/webhooks.ts';
import { formatTimestampOrNull } from '../../shared/timestamp.ts';
import { newWebhookId, newWebhookSecret, type Webhook } from '../../shared/webhook.ts';
import { listOf } from '../answers.ts';
import { webhookAnswer, webhookMadeAnswer, webhookSecretAnswer } from '../answers-webhooks.ts';
import { available } from '../authentication.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { pageOf } from '../paging.ts';
import { invalidField } from '../problem.ts';
import { givenId, paging } from '../schemas.ts';
import { webhookOf, webhooksOf } from '../webhooks/lookup.ts';
import { webhookShape } from '../webhooks/shapes.ts';
import { asWished, NOTHING_ASKED, patchBody, webhookBody } from '../webhooks/wish.ts';

/** Each is a connection of its own while it is told something. */
const WEBHOOKS_MAX = 100;
/** The secret before stays good for a day, unless said otherwise; at most for a month. */
const OVERLAP_S = 86_400;
const OVERLAP_S_MAX = 31 * OVERLAP_S;

const tags = ['webhooks'];
const config = { scope: 'manage', confinement: 'view' } as const;
const params = z.strictObject({ id: givenId });

export function webhookRoutes(api: Api, dependencies: ApiDependencies): void {
  const { store } = dependencies.webhooks;
  const shapeOf = async (record: WebhookRecord) => {
    const next = record.waiting === 0 ? null : await available(store.delivery(record.webhook.id, 'next'));
    return webhookShape(record, next?.delivery ?? null);
  };
  api.get(
    '/v1/webhooks',
    {
      config,
      schema: {
        tags,
        summary: 'List webhooks',
        querystring: z.strictObject(paging),
        response: { 200: listOf(webhookAnswer) },
      },
    },
    async (request) => {
      const page = pageOf('webhooks', await webhooksOf(store, request), sortKey, request.query);
      return { ...page, results: await Promise.all(page.results.map(shapeOf)) };
    },
  );
  api.get(
    '/v1/webhooks/:id',
    { config, schema: { tags, summary: 'How a webhook does', params, response: { 200: webhookAnswer } } },
    async (request) => shapeOf(await webhookOf(store, request, request.params.id)),
  );
  api.post(
    '/v1/webhooks',
    {
      config,
      schema: {
        tags,
        summary: 'Have an address told of counts, changes or thresholds; its secret is shown this once',
        body: webhookBody,
        response: { 201: webhookMadeAnswer },
      },
    },
    async (request, reply) => {
      const { body, identity } = request;
      if ((await available(store.webhooks())).length >= WEBHOOKS_MAX) {
        throw invalidField('body', `there are ${WEBHOOKS_MAX} webhooks already: delete one`);
      }
      const secret = newWebhookSecret();
      const webhook: Webhook = {
        ...asWished(request.view, dependencies.webhooks.networks, NOTHING_ASKED, body),
        id: newWebhookId(),
        secrets: [{ text: secret, untilMs: null }],
        rootSpaceId: identity?.rootSpaceId ?? null,
        createdAtMs: dependencies.clock.nowMs(),
        createdBy: identity?.id ?? null,
      };
      const cursor = await dependencies.history.newestChange();
      // All counts and thresholds are told first: it was made at no revision.
      const progress = { cursor, revision: 0, factNumber: 0, ahead: [], crossed: [], disabled: null };
      await available(store.putWebhook(webhook.id, { webhook, progress }));
      dependencies.webhooks.changed();
      reply.code(201).header('location', `/v1/webhooks/${webhook.id}`).header('cache-control', 'no-store');
      return reply.send({ ...webhookShape({ webhook, progress, waiting: 0 }, null), secret });
    },
  );
  changingRoutes(api, dependencies, shapeOf);
}

function changingRoutes(
  api: Api,
  dependencies: ApiDependencies,
  shapeOf: (record: WebhookRecord) => Promise<ReturnType<typeof webhookShape>>,
): void {
  const { store, changed } = dependencies.webhooks;
  const put = async (record: WebhookRecord): Promise<void> => {
    await available(store.putWebhook(record.webhook.id, record));
    changed();
  };
  api.patch(
    '/v1/webhooks/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Change what a webhook is told, or take it up again; all its counts are told anew',
        params,
        body: patchBody,
        response: { 200: webhookAnswer },
      },
    },
    async (request) => {
      const { enabled, ...wish } = request.body;
      const record = await webhookOf(store, request, request.params.id);
      const { isEnabled, revision } = record.webhook;
      const wished = {
        ...record.webhook,
        ...asWished(request.view, dependencies.webhooks.networks, record.webhook, wish),
      };
      const isOnlyNamed = enabled === undefined && Object.keys(wish).every((field) => field === 'name');
      const webhook = { ...wished, isEnabled: enabled ?? isEnabled, revision: isOnlyNamed ? revision : revision + 1 };
      await put({ ...record, webhook });
      return shapeOf({ ...record, webhook });
    },
  );
  api.delete(
    '/v1/webhooks/:id',
    { config, schema: { tags, summary: 'End a webhook, its log included', params, response: { 204: z.undefined() } } },
    async (request, reply) => {
      const { webhook } = await webhookOf(store, request, request.params.id);
      await available(store.putWebhook(webhook.id, null));
      changed();
      return reply.code(204).send();
    },
  );
  api.post(
    '/v1/webhooks/:id/secret',
    {
      config,
      schema: {
        tags,
        summary: 'Make a new secret; for a while messages are signed with the one before too',
        params,
        body: z.strictObject({ overlap_s: z.int().min(0).max(OVERLAP_S_MAX).optional() }).nullish(),
        response: { 201: webhookSecretAnswer },
      },
    },
    async (request, reply) => {
      const record = await webhookOf(store, request, request.params.id);
      const untilMs = dependencies.clock.nowMs() + (request.body?.overlap_s ?? OVERLAP_S) * 1000;
      const secret = newWebhookSecret();
      const former = record.webhook.secrets.slice(0, 1).map(({ text }) => ({ text, untilMs }));
      await put({ ...record, webhook: { ...record.webhook, secrets: [{ text: secret, untilMs: null }, ...former] } });
      reply.code(201).header('cache-control', 'no-store');
      return reply.send({ secret, former_until: formatTimestampOrNull(untilMs) });
    },
  );
}

/** In the order of their making. */
function sortKey({ webhook: { createdAtMs, id } }: WebhookRecord): string {
  return `${String(createdAtMs).padStart(15, '0')} ${id}`;
}
