// What programs and people read of the service: every example in the OpenAPI document fits its schema, the AsyncAPI document
// is one, and /docs needs nothing from elsewhere.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROBLEMS } from '../../api/problem.ts';
import { type Client, httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';

type Media = {
  readonly schema?: object;
  readonly example?: unknown;
  readonly examples?: Record<string, { $ref: string }>;
};
type Operation = {
  readonly parameters?: { readonly name: string; readonly schema: object; readonly example?: unknown }[];
  readonly requestBody?: { readonly content: Record<string, Media> };
  readonly responses: Record<string, { readonly content?: Record<string, Media> }>;
};

let service: Service;
let client: Client;
let document: {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; examples: Record<string, { value: object }> };
};

beforeAll(async () => {
  service = await startService();
  client = httpClient(service.httpUrl);
  document = await client.get('/openapi.json');
});
afterAll(() => service.stop());

/** What is wrong with `value`; references lead into the document. */
function faultsOf(schema: object, value: unknown): string[] {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (formats as unknown as (ajv: Ajv2020) => void)(ajv);
  const local = JSON.parse(JSON.stringify({ ...schema, components: document.components }));
  const validate = ajv.compile(local);
  return validate(value)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
  );

test('every parameter, body and answer has an example, and it fits', () => {
  const faults: string[] = [];
  const look = (where: string, schema: object | undefined, example: unknown) => {
    if (schema === undefined) return;
    if (example === undefined) faults.push(`${where}: no example`);
    else for (const fault of faultsOf(schema, example)) faults.push(`${where}: ${fault}: ${JSON.stringify(example)}`);
  };
  for (const { name, operation } of operations()) {
    for (const one of operation.parameters ?? []) look(`${name} ${one.name}`, one.schema, one.example);
    for (const [type, { schema, example }] of Object.entries(operation.requestBody?.content ?? {})) {
      look(`${name} ${type}`, schema, example);
    }
    for (const [status, { content = {} }] of Object.entries(operation.responses)) {
      if (Number(status) >= 300 || status === 'default') continue;
      for (const [type, { schema, example }] of Object.entries(content))
        look(`${name} ${status} ${type}`, schema, example);
    }
  }
  expect(faults).toEqual([]);
});

test('every error has an example, is told of by some operation, and stands under its status', () => {
  const schema = document.components.schemas['Problem'] as object;
  for (const [code, { value }] of Object.entries(document.components.examples)) {
    expect([code, faultsOf(schema, value)]).toEqual([code, []]);
    expect(value).toMatchObject({ code });
  }
  const told = new Set<string>();
  for (const { name, operation } of operations()) {
    const statuses = Object.keys(operation.responses);
    expect([name, statuses]).toEqual([name, expect.arrayContaining(['500', 'default'])]);
    for (const [status, { content }] of Object.entries(operation.responses)) {
      for (const { $ref } of Object.values(content?.['application/problem+json']?.examples ?? {})) {
        const code = $ref.split('/').at(-1) as keyof typeof PROBLEMS;
        expect([name, code, String(PROBLEMS[code].status)]).toEqual([name, code, status]);
        told.add(code);
      }
    }
  }
  expect([...told].toSorted()).toEqual(Object.keys(PROBLEMS).toSorted());
});

test('the examples of requests are taken', async () => {
  const dry = operations().filter(({ operation }) => operation.requestBody !== undefined);
  expect(dry.length).toBeGreaterThan(15);
  const refused: string[] = [];
  for (const { name, operation } of dry) {
    const [method = '', path = ''] = name.split(' ');
    const example = (place: string) =>
      (operation.parameters ?? []).find((parameter) => parameter.name === place)?.example as string;
    const url = path.replaceAll(/\{(\w+)\}/g, (_, place: string) => example(place));
    const body = Object.values(operation.requestBody?.content ?? {})[0]?.example;
    if (path === '/v1/keys') continue;
    const answer = await client.call(method.toUpperCase(), url, body);
    if (answer.status === 400) refused.push(`${name}: ${answer.body.detail}`);
  }
  expect(refused).toEqual([]);
});

test('the AsyncAPI document is one, and names what a DPU may send', async () => {
  const asyncapi = await client.get('/asyncapi.json');
  const path = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0.json');
  // It brings the schema of schemas along.
  const ajv = new Ajv({ strict: false, allErrors: true, meta: false, validateSchema: false });
  (formats as unknown as (ajv: Ajv) => void)(ajv);
  const validate = ajv.compile(JSON.parse(readFileSync(path, 'utf8')));
  expect([validate(asyncapi), validate.errors]).toEqual([true, null]);
  const { payload, examples } = asyncapi.components.messages.events;
  const isEvents = ajv.compile(payload);
  for (const one of examples) expect([one.payload, isEvents(one.payload)]).toEqual([one.payload, true]);
  for (const { payload: schema, examples: given } of Object.values<typeof asyncapi>(asyncapi.components.messages)) {
    for (const one of given) expect([one.payload, ajv.compile(schema)(one.payload)]).toEqual([one.payload, true]);
  }
  expect(isEvents({ timestamp: 1, direction: 2 })).toBe(false);
  expect(isEvents(Array.from({ length: 1001 }, () => examples[0].payload))).toBe(false);
  expect(Object.values(asyncapi.channels).map((channel) => (channel as { address: string }).address)).toEqual([
    'dpu/{dpu_id}/events',
    'dpu/{dpu_id}/commands',
    'spaces/{space_id}/count',
    'dpus/{dpu_id}/status',
  ]);
});

test('/docs and all that it loads comes from here', async () => {
  const page = await client.call('GET', '/docs/');
  expect(page.status).toBe(200);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
  const loaded = [...String(page.body).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => String(path));
  expect(loaded.length).toBeGreaterThan(3);
  for (const path of loaded) {
    const url = new URL(path, `${service.httpUrl}/docs/`);
    expect([path, url.origin]).toEqual([path, service.httpUrl]);
    expect([path, (await fetch(url)).status]).toEqual([path, 200]);
  }
});
