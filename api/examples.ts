// Examples in the OpenAPI document: of every parameter, body and answer, worked out from their schemas, and of every error
// that an operation may answer with, from the table of problems.
import { type Described, problemExamples, problemResponses } from './problem-responses.ts';

type Json = { readonly [key: string]: unknown };
type Schema = Json;

const MOMENT = '2026-03-02T09:00:00.000Z';
const LATER = '2026-03-02T17:00:00.000Z';

/** Values of fields, by name; what is not here is worked out from its schema alone. */
const VALUES: Json = {
  id: 'lobby',
  space_id: 'lobby',
  space_ids: 'lobby,cafe',
  parent_id: 'house',
  root_space_id: 'cafe',
  dpu_id: '423',
  doorway_id: 'entrance',
  placement_id: 'p1',
  mark_id: 'm1',
  delivery_id: '17',
  command_id: 'c1',
  command: 'restart',
  a: 'lobby',
  b: 'cafe',
  name: 'Lobby',
  reason: 'opened empty',
  time_zone: 'Europe/Berlin',
  daily_reset: '04:00',
  time: '04:00',
  date: '2026-03-02',
  from: MOMENT,
  start_time: MOMENT,
  start: MOMENT,
  until: LATER,
  end_time: LATER,
  end: LATER,
  timestamp: '2026-03-02T09:00:00.123Z',
  page_size: '100',
  interval: '1h',
  count: 3,
  change: 1,
  capacity: 50,
  scopes: ['read'],
  topic: 'dpu/423/events',
  payload_base64: 'e30=',
  key: 'ff_0123456789ab_0123456789abcdef0123456789abcdef_01234567',
  secret: 'ffd_0123456789abcdef0123456789abcdef',
  next: null,
  cursor: 'MDg0',
  since: 'MDg0',
  facing: 'a',
};

/** Fields that contradict others, repeat the path, or say more than an example should; not there where they need not be. */
const LEFT_OUT = new Set([
  'id',
  'dpu_id',
  'versions',
  'retired_at',
  'dry_run',
  'cursor',
  'suggested_resets',
  'known_at',
  'suppressed',
  'recount',
]);

/** An example that fits `schema`, which stands in a field called `name`. */
export function exampleOf(schemas: Json, schema: Schema, name = ''): unknown {
  const given = (schema['examples'] as unknown[] | undefined)?.[0] ?? schema['example'];
  if (typeof schema['$ref'] === 'string') {
    return exampleOf(schemas, schemas[schema['$ref'].split('/').at(-1) ?? ''] as Schema, name);
  }
  const options = (schema['anyOf'] ?? schema['oneOf']) as Schema[] | undefined;
  const type = [schema['type']].flat()[0];
  if (type !== 'object' && type !== 'array' && Object.hasOwn(VALUES, name)) {
    const value = VALUES[name];
    if (fits(value, options ?? [schema])) return value;
  }
  if (given !== undefined) return given;
  if (schema['const'] !== undefined) return schema['const'];
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  if (options !== undefined) return exampleOf(schemas, options[0] as Schema, name);
  if (type === 'object') return objectExample(schemas, schema);
  if (type === 'array') return name === 'scopes' ? VALUES['scopes'] : arrayExample(schemas, schema, name);
  if (type === 'integer' || type === 'number') return Math.max(1, Number(schema['minimum'] ?? 1));
  if (type === 'boolean') return true;
  if (type === 'null') return null;
  return schema['format'] === 'date-time' ? MOMENT : 'text';
}

/** Whether a value is of a type that one of `schemas` has; patterns and enums decide for themselves. */
function fits(value: unknown, schemas: readonly Schema[]): boolean {
  const type = value === null ? 'null' : Number.isInteger(value) ? 'integer' : typeof value;
  return schemas.some((schema) => {
    if (![schema['type']].flat().includes(type)) return false;
    if (Array.isArray(schema['enum']) && !schema['enum'].includes(value)) return false;
    if (schema['format'] === 'date-time') return typeof value === 'string' && value.endsWith('Z');
    return typeof schema['pattern'] !== 'string' || new RegExp(schema['pattern'], 'u').test(String(value));
  });
}

function objectExample(schemas: Json, schema: Schema): Json {
  const required = new Set(schema['required'] as string[] | undefined);
  const fields = Object.entries((schema['properties'] ?? {}) as Record<string, Schema>);
  const shown = fields.filter(([name]) => required.has(name) || !LEFT_OUT.has(name));
  return Object.fromEntries(shown.map(([name, field]) => [name, exampleOf(schemas, field, name)]));
}

function arrayExample(schemas: Json, schema: Schema, name: string): unknown[] {
  const item = schema['items'] as Schema | undefined;
  return item === undefined ? [] : [exampleOf(schemas, item, name.replace(/s$/, ''))];
}

type Operation = Described & {
  parameters?: (Json & { readonly name: string; readonly in: string })[];
  readonly requestBody?: { readonly content: Record<string, Json> };
  readonly responses: Record<string, { readonly content?: Record<string, Json> }>;
};

const CSV_EXAMPLE = 'timestamp,direction,dpu_id\n2026-03-02T09:00:00.123Z,1,423\n';
const LINES_EXAMPLE = '{"timestamp":"2026-03-02T09:00:00.123Z","direction":1,"dpu_id":"423"}\n';

/** `document` with examples everywhere. */
export function withExamples(document: Json): Json {
  const components = document['components'] as Json;
  const schemas = (components['schemas'] ?? {}) as Json;
  const paths = Object.entries(document['paths'] as Record<string, Record<string, Operation>>).map(
    ([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods).map(([method, operation]) => [method, exemplified(schemas, method, path, operation)]),
      ),
    ],
  );
  const examples = problemExamples();
  return { ...document, paths: Object.fromEntries(paths), components: { ...components, examples } };
}

function exemplified(schemas: Json, method: string, path: string, operation: Operation): Json {
  const withExample = (type: string, media: Json): Json => {
    if (type === 'text/csv') return { ...media, example: CSV_EXAMPLE };
    if (type === 'application/x-ndjson') return { ...media, example: LINES_EXAMPLE };
    const schema = media['schema'] as Schema | undefined;
    return schema === undefined ? media : { ...media, example: exampleOf(schemas, schema) };
  };
  const contents = (content: Record<string, Json>) =>
    Object.fromEntries(Object.entries(content).map(([type, media]) => [type, withExample(type, media)]));
  const { requestBody, parameters, responses } = operation;
  const answers = Object.entries(responses).filter(([status]) => status !== 'default');
  return {
    ...operation,
    ...(parameters === undefined
      ? {}
      : { parameters: parameters.map((one) => exemplifiedParameter(schemas, path, one)) }),
    ...(requestBody === undefined ? {} : { requestBody: { ...requestBody, content: contents(requestBody.content) } }),
    responses: {
      ...Object.fromEntries(
        answers.map(([status, answer]) => [
          status,
          answer.content === undefined ? answer : { ...answer, content: contents(answer.content) },
        ]),
      ),
      ...problemResponses(method, path, operation),
    },
  };
}

/** Ids in paths are named after what the path is of. */
const IDS: readonly (readonly [prefix: string, id: string])[] = [
  ['/v1/dpus', '423'],
  ['/v1/doorways', 'entrance'],
  ['/v1/keys', '0123456789ab'],
  ['/v1/recounts', '17'],
  ['/v1/webhooks', 'wh_0123456789abcdef'],
];

function exemplifiedParameter<Parameter extends Json & { readonly name: string }>(
  schemas: Json,
  path: string,
  parameter: Parameter,
): Parameter {
  const id = parameter.name === 'id' ? IDS.find(([prefix]) => path.startsWith(prefix))?.[1] : undefined;
  return { ...parameter, example: id ?? exampleOf(schemas, parameter['schema'] as Schema, parameter.name) };
}
