// Routes of webhooks: who is told what over HTTP, at which address, and with which secret it is signed.
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { SpaceId } from '../../shared/ids.ts';
import type { WebhookRecord } from '../../shared/storage/webhooks.ts';
import { formatTimestampOrNull } from '../../shared/timestamp.ts';
import { newWebhookId, newWebhookSecret, type Threshold, WEBHOOK_TYPES, type Webhook } from '../../shared/webhook.ts';
import { listOf } from '../answers.ts';
import { webhookAnswer, webhookMadeAnswer, webhookSecretAnswer } from '../answers-webhooks.ts';
import { available } from '../authentication.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { spaceOf } from '../lookup.ts';
import { pageOf } from '../paging.ts';
import { invalidField } from '../problem.ts';
import { givenId, paging, spaceId } from '../schemas.ts';
import { webhookOf, webhooksOf } from '../webhooks/lookup.ts';
import { literalAddress, permitAddress } from '../webhooks/networks.ts';
import { webhookShape } from '../webhooks/shapes.ts';

/** Each is a connection of its own while it is told something. */
const WEBHOOKS_MAX = 100;
const THRESHOLDS_MAX = 100;
const SPACES_MAX = 1000;
const URL_CHARACTERS_MAX = 2000;
/** More people than there are. */
const ABOVE_MAX = 1_000_000_000;
/** The secret before stays good for a day, unless said otherwise; at most for a month. */
const OVERLAP_S = 86_400;
const OVERLAP_S_MAX = 31 * OVERLAP_S;

const tags = ['webhooks'];
const config = { scope: 'manage', confinement: 'view' } as const;
const params = z.strictObject({ id: givenId });

const limit = z.number().min(0).max(ABOVE_MAX);
const threshold = z.strictObject({
  space_id: spaceId.nullish().describe('Default: each space of the webhook.'),
  of: z
    .enum(['people', 'capacity'])
    .optional()
    .describe('What the numbers are: people, or parts of the capacity such as 0.9; default people.'),
  above: limit.describe('It is crossed once a count is more than this.'),
  below: limit.optional().describe('It is over once the count is back at this or less; default: as `above`.'),
});
const fields = {
  name: z.string().max(200),
  url: z
    .string()
    .max(URL_CHARACTERS_MAX)
    .meta({ examples: ['https://dashboard.example/footfall'] })
    .describe('https, except in FOOTFALL_WEBHOOK_NETWORKS.'),
  types: z.array(z.enum(WEBHOOK_TYPES)).min(1).max(WEBHOOK_TYPES.length),
  space_ids: z.array(spaceId).min(1).max(SPACES_MAX).nullable().describe('null: every space that the key may see.'),
  thresholds: z.array(threshold).max(THRESHOLDS_MAX),
};
const { name, url, types, space_ids, thresholds } = fields;
const webhookBody = z.strictObject({
  url,
  types,
  name: name.optional(),
  space_ids: space_ids.optional(),
  thresholds: thresholds.optional(),
});
const patchBody = webhookBody.partial().extend({
  enabled: z.boolean().optional().describe('true also takes up one that was disabled after long failure.'),
});
type Wish = Omit<z.output<typeof patchBody>, 'enabled'>;

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
        ...asWished(dependencies, request, NOTHING_ASKED, body),
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
      const wished = { ...record.webhook, ...asWished(dependencies, request, record.webhook, wish) };
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

type Asked = Pick<Webhook, 'name' | 'url' | 'types' | 'spaceIds' | 'thresholds' | 'isEnabled' | 'revision'>;
const NOTHING_ASKED: Asked = {
  name: '',
  url: '',
  types: [],
  spaceIds: null,
  thresholds: [],
  isEnabled: true,
  revision: 1,
};

/** `before` with what the body asks for. Throws for what cannot be. */
function asWished(dependencies: ApiDependencies, { view }: FastifyRequest, before: Asked, wish: Wish): Asked {
  const known = (id: SpaceId, field: string) => void spaceOf(view.plan, id, field);
  if (wish.url !== undefined) permitUrl(wish.url, dependencies.webhooks.networks);
  for (const [index, id] of (wish.space_ids ?? []).entries()) known(id, `body.space_ids.${index}`);
  const spaceIds = wish.space_ids === undefined ? before.spaceIds : wish.space_ids && [...new Set(wish.space_ids)];
  const asked = wish.thresholds?.map((one, index): Threshold => {
    const { space_id: ofSpace = null, of = 'people', above, below = above } = one;
    const field = `body.thresholds.${index}`;
    if (below > above) throw invalidField(`${field}.below`, 'it must not be more than `above`');
    if (ofSpace !== null) known(ofSpace, `${field}.space_id`);
    return { spaceId: ofSpace, of, above, below };
  });
  const thresholds = asked ?? before.thresholds;
  const stray = thresholds.findIndex((one) => one.spaceId !== null && spaceIds?.includes(one.spaceId) === false);
  if (stray !== -1) throw invalidField(`body.thresholds.${stray}.space_id`, 'it must be one of `space_ids`');
  const { name: called = before.name, url: to = before.url } = wish;
  const wanted = wish.types === undefined ? before.types : [...new Set(wish.types)];
  return { ...before, name: called, url: to, types: wanted, spaceIds, thresholds };
}

function permitUrl(text: string, networks: readonly string[]): void {
  const parsed = URL.parse(text);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw invalidField('body.url', 'an address such as https://dashboard.example/footfall');
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw invalidField('body.url', 'without user name and password: the signature tells who sends');
  }
  const literal = literalAddress(parsed);
  try {
    if (literal !== null) permitAddress(literal, parsed.protocol === 'https:', networks);
  } catch (error) {
    throw invalidField('body.url', (error as Error).message);
  }
}
