// The messages to webhooks in the OpenAPI document: what a receiver is sent, and what it may answer.
import { z } from 'zod';
import { moment } from './answers.ts';
import { WEBHOOK_MESSAGES } from './answers-webhooks.ts';
import { exampleOf } from './examples.ts';

type Json = { readonly [key: string]: unknown };

/** By the Standard Webhooks specification. */
const HEADERS: readonly (readonly [name: string, description: string, example: string])[] = [
  ['webhook-id', 'Names the message; the same whenever it is sent again', 'msg_p5jXN8AQM9LWM0D4loKWxJek'],
  ['webhook-timestamp', 'Of this attempt, seconds since 1970 UTC', '1614265330'],
  [
    'webhook-signature',
    'v1,<base64 of HMAC-SHA256 over id.timestamp.body>; several, separated by spaces, while a secret is replaced',
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  ],
];

const RESPONSES = {
  '2XX': { description: 'It has arrived.' },
  '410': { description: 'The receiver is gone: the webhook is disabled.' },
  default: { description: 'It is sent again, later and later, for a day. Redirects are not followed.' },
};

/** `document` with its `webhooks`. */
export function withWebhooks(document: Json): Json {
  const schemas = (document['components'] as Json)['schemas'] as Json;
  const parameters = HEADERS.map(([name, description, example]) => {
    return { name, in: 'header', required: true, description, schema: { type: 'string' }, example };
  });
  const webhooks = Object.entries(WEBHOOK_MESSAGES).map(([type, { when, data }]) => {
    const schema = jsonSchemaOf(z.object({ type: z.literal(type), timestamp: moment, data }));
    const content = { 'application/json': { schema, example: exampleOf(schemas, schema) } };
    const requestBody = { required: true, content };
    return [type, { post: { tags: ['webhooks'], summary: when, parameters, requestBody, responses: RESPONSES } }];
  });
  return { ...document, webhooks: Object.fromEntries(webhooks) };
}

/** What has a name stands among the components. */
function jsonSchemaOf(schema: z.ZodType): Json {
  const { $schema, $defs, ...rest } = z.toJSONSchema(schema, { io: 'output' });
  return JSON.parse(JSON.stringify(rest).replaceAll('#/$defs/', '#/components/schemas/'));
}
