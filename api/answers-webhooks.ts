// The schemas of answers about webhooks and of their messages.
import { z } from 'zod';
import { type MessageType, WEBHOOK_TYPES } from '../shared/webhook.ts';
import { moment, momentOrNull, text, textOrNull } from './answers.ts';
import { changesAnswer } from './answers-past.ts';

const URL_EXAMPLE = 'https://dashboard.example/footfall';
/** Of the Standard Webhooks specification's own test vector. */
const SECRET_EXAMPLE = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

const threshold = z.object({
  space_id: textOrNull.describe('null: each space of the webhook'),
  of: z.enum(['people', 'capacity']),
  above: z.number(),
  below: z.number(),
});

const webhook = z.object({
  id: text,
  name: text,
  url: text.meta({ examples: [URL_EXAMPLE] }),
  types: z.array(z.enum(WEBHOOK_TYPES)),
  space_ids: z.array(text).nullable().describe('null: every space that the key could see that made it'),
  thresholds: z.array(threshold),
  enabled: z.boolean(),
  status: z.enum(['working', 'failing', 'disabled']),
  waiting: z.int().describe('Messages that are made and not delivered.'),
  failing_since: momentOrNull.describe('The message that is tried now has failed ever since.'),
  disabled_at: momentOrNull.describe(
    'Given up by the service then; PATCH with enabled: true goes on where it stopped.',
  ),
  disabled_reason: textOrNull,
  root_space_id: textOrNull.describe('As of the key that made it.'),
  created_at: moment,
  created_by: textOrNull,
});
export const webhookAnswer = webhook.meta({ id: 'Webhook' });

const secret = z
  .string()
  .regex(/^whsec_/)
  .meta({ examples: [SECRET_EXAMPLE] })
  .describe('The key of its signatures, never shown again.');
export const webhookMadeAnswer = webhook.extend({ secret }).meta({ id: 'WebhookMade' });
export const webhookSecretAnswer = z
  .object({
    secret,
    former_until: momentOrNull.describe('Until then messages carry a signature of the one before too.'),
  })
  .meta({ id: 'WebhookSecret' });

const delivery = z.object({
  id: text,
  message_id: text.describe('The header webhook-id: the same whenever the message is sent again.'),
  type: z.enum([...WEBHOOK_TYPES, 'resync', 'webhook.test']),
  state: z.enum(['waiting', 'failing', 'delivered']),
  created_at: moment,
  attempts: z.int(),
  last_attempt_at: momentOrNull,
  next_attempt_at: momentOrNull,
  status_code: z.int().nullable().describe('Of the last attempt; null: there was no answer.'),
  error: textOrNull,
});
export const deliveryAnswer = delivery.meta({ id: 'WebhookDelivery' });
export const deliveryItemAnswer = delivery
  .extend({ message: z.object({ type: text, timestamp: moment, data: z.looseObject({}) }).describe('What is sent.') })
  .meta({ id: 'WebhookDeliveryItem' });

const told = {
  space_id: text,
  at: moment.describe('The moment that the count holds for.'),
  count: z.int(),
  occupancy: z.int(),
};
const liveCount = z.object({ ...told, status: z.enum(['settled', 'provisional']), revision: z.int() });
const crossing = z.object({
  ...told,
  capacity: z.int().nullable(),
  revision: z.int(),
  threshold: threshold.omit({ space_id: true }),
});

/** `data` of each type of message, and when it is sent. */
export const WEBHOOK_MESSAGES = {
  count: {
    when: 'Counts have changed: the newest ones; at first those of all spaces',
    data: z.object({ results: z.array(liveCount) }),
  },
  change: { when: 'Entries of /v1/changes, each at least once and in order', data: changesAnswer },
  'threshold.crossed': { when: 'A count is more than `above`', data: crossing },
  'threshold.cleared': { when: 'A count is back at `below` or less', data: crossing },
  'webhook.disabled': {
    when: 'Another webhook has been given up',
    data: z.object({ webhook_id: text, name: text, url: text, reason: text, at: moment }),
  },
  resync: {
    when: 'Changes before the next message are no longer kept; the counts of now follow',
    data: z.object({ reason: text }),
  },
  'webhook.test': { when: 'Somebody tries it out', data: z.object({ webhook_id: text }) },
} as const satisfies Record<MessageType, { readonly when: string; readonly data: z.ZodObject }>;
