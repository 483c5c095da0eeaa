// OpenAPI 3.1 out of the zod schemas of the routes, with examples, at /openapi.json.
import swagger from '@fastify/swagger';
import type { RouteOptions } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { problemAnswer } from './answers.ts';
import { dryRunAnswer } from './answers-past.ts';
import { type RouteScope, scopeOf } from './authentication.ts';
import type { Api } from './dependencies.ts';
import { withExamples } from './examples.ts';
import { withWebhooks } from './openapi-webhooks.ts';
import { nothing } from './schemas.ts';

type Json = { readonly [key: string]: unknown };

/** Every route: unknown query parameters and body fields are refused, and any answer may be a problem. */
export function describeRoute(route: RouteOptions): void {
  const schema = (route.schema ?? {}) as {
    querystring?: unknown;
    body?: unknown;
    response?: object;
    security?: { key: RouteScope[] }[];
  };
  schema.querystring ??= nothing;
  const methods = [route.method].flat();
  if (methods.some((method) => method !== 'GET' && method !== 'HEAD')) schema.body ??= nothing.nullish();
  const scope = scopeOf(route);
  schema.security = scope === 'nobody' ? [] : [{ key: [scope] }];
  schema.response = {
    ...(asksForDryRun(schema.querystring) ? orDryRun(schema.response) : schema.response),
    default: { description: 'A problem', content: { 'application/problem+json': { schema: problemAnswer } } },
  };
  route.schema = schema;
}

function asksForDryRun(query: unknown): boolean {
  return query instanceof z.ZodObject && 'dry_run' in query.shape;
}

/** With dry_run the answer is 200 and says what would change. */
function orDryRun(response: object = {}): object {
  const given = (response as { 200?: z.ZodType })[200];
  return { ...response, 200: given === undefined ? dryRunAnswer : z.union([given, dryRunAnswer]) };
}

export function describeApi(app: Api): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'footfall',
        version: '1',
        description: 'People counts from doorway sensors. Times are RFC 3339; errors are RFC 9457 problems.',
      },
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'A key of the service; each operation names the scope.' },
        },
      },
      tags: [
        { name: 'counts', description: 'How many people are, or were, in a space' },
        { name: 'events', description: 'What the sensors saw' },
        { name: 'floor plan', description: 'Spaces, doorways, DPUs, and what is known of them since when' },
        { name: 'fleet', description: 'What the sensors are doing, and are told to do' },
        { name: 'webhooks', description: 'Being told, instead of asking' },
        { name: 'operations', description: 'For those who run the service' },
      ],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) =>
      withWebhooks(withExamples(withoutUnused(jsonSchemaTransformObject(document) as Json))) as never,
  });
}

/** Each named schema comes once for requests and once for answers; most are used for one of them only. */
function withoutUnused(document: Json): Json {
  const components = document['components'] as Json;
  const schemas = components['schemas'] as Json;
  const used = new Set<string>();
  const open: unknown[] = [document['paths']];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    for (const [key, value] of Object.entries(part as Json)) {
      if (typeof value === 'object' && value !== null) open.push(value);
      if (key !== '$ref' || typeof value !== 'string') continue;
      const name = value.split('/').at(-1) ?? '';
      if (used.has(name)) continue;
      used.add(name);
      open.push(schemas[name] ?? {});
    }
  }
  const kept = Object.entries(schemas).filter(([name]) => used.has(name));
  return { ...document, components: { ...components, schemas: Object.fromEntries(kept) } };
}
