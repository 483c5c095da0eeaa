// The errors of each operation in the OpenAPI document: by status, with an example of every code.
import { PROBLEMS, Problem, type ProblemCode, problemBody } from './problem.ts';

/** What of an operation tells which errors it may answer with. */
export type Described = {
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { readonly name: string }[];
  readonly requestBody?: object;
  readonly responses: Record<string, object>;
};

const DETAILS: Partial<Record<ProblemCode, string>> = {
  invalid_request: 'query.page_size: a whole number from 1 to 5000',
  invalid_json: 'send JSON: Unexpected end of JSON input',
  invalid_cursor: 'ask with the same parameters and the `next` of the page before, or without',
  at_in_future: 'ask for a moment that has been, or leave `at` out for now',
  unauthenticated: 'send a key as authorization: Bearer <key>; an administrator makes one with POST /v1/keys',
  forbidden: 'this key has not the scope manage; ask for one that has',
  route_not_found: 'GET /v1/space is not one; see /openapi.json',
  space_not_found: 'there is no space attic',
  doorway_not_found: 'there is no doorway attic-door',
  dpu_not_found: 'there is no DPU 424',
  already_exists: 'there is a space lobby already; PUT or PATCH changes it',
  id_retired: 'space lobby is retired: it answers for the past and cannot be used anew; choose another id',
  too_many_deliveries: '1000 messages of it wait: see why with its deliveries, and ask again when they are fewer',
  payload_too_large: 'send less at a time',
  rate_limited: 'this is more than 100 requests a second over 10 s; wait, then ask less often',
  unsupported_media_type: 'send JSON with content-type: application/json',
  space_cycle: 'lobby inside cafe inside lobby: choose a parent that is not inside the space',
  internal_error: 'it is in the log of the service; try again',
  history_unavailable: 'live counts go on; ask again',
  journal_unavailable: 'nothing was changed; try again',
  not_ready: 'journal takes no appends',
};

/** An example of every problem, by its code. */
export function problemExamples(): Record<string, { readonly value: object }> {
  const codes = Object.keys(PROBLEMS) as ProblemCode[];
  const problems = codes.map((code) => new Problem(code, DETAILS[code] ?? PROBLEMS[code].title));
  return Object.fromEntries(problems.map((problem) => [problem.code, { value: problemBody(problem) }]));
}

/** The error that a missing thing gives, by the part of the path that it comes after. */
const MISSING: readonly (readonly [pattern: RegExp, code: ProblemCode])[] = [
  [/^\/v1\/spaces\/\{id\}/, 'space_not_found'],
  [/^\/v1\/doorways\/\{id\}/, 'doorway_not_found'],
  [/^\/v1\/dpus\/\{id\}/, 'dpu_not_found'],
  [/placements\/\{/, 'placement_not_found'],
  [/voids\/\{/, 'void_not_found'],
  [/outages\/\{/, 'outage_not_found'],
  [/resets\/\{/, 'reset_not_found'],
  [/commands\/\{/, 'command_not_found'],
  [/^\/v1\/keys\/\{/, 'key_not_found'],
  [/^\/v1\/recounts\/\{/, 'recount_not_found'],
  [/^\/v1\/webhooks\/\{/, 'webhook_not_found'],
  [/deliveries\/\{/, 'delivery_not_found'],
];

/** Which codes an operation answers with, from what it takes. */
function codesOf(method: string, path: string, { security, parameters = [], requestBody }: Described): ProblemCode[] {
  const takes = (name: string) => parameters.some((parameter) => parameter.name === name);
  const isWrite = method !== 'get';
  const codes: ProblemCode[] = ['invalid_request', 'internal_error', 'not_ready'];
  if ((security?.length ?? 0) > 0) codes.push('unauthenticated', 'forbidden', 'rate_limited');
  if (requestBody !== undefined) codes.push('invalid_json', 'payload_too_large', 'unsupported_media_type');
  if (takes('cursor') || takes('since')) codes.push('invalid_cursor');
  if (takes('since')) codes.push('cursor_expired');
  if (takes('at') || (isWrite && path.endsWith('/resets'))) codes.push('at_in_future');
  if (takes('space_ids') || (requestBody !== undefined && /^\/v1\/webhooks(\/\{id\})?$/.test(path)))
    codes.push('space_not_found');
  for (const [pattern, code] of MISSING) if (pattern.test(path)) codes.push(code);
  if (isWrite) codes.push('journal_unavailable', 'already_exists', 'id_retired');
  if (method === 'post' && path.endsWith('/commands')) codes.push('too_many_commands');
  if (method === 'post' && /^\/v1\/webhooks\/.*\/(test|replay)$/.test(path)) codes.push('too_many_deliveries');
  if (method === 'delete' && /commands\/\{/.test(path)) codes.push('command_delivered');
  if (isWrite && /^\/v1\/spaces/.test(path)) codes.push('space_cycle');
  if (isWrite && path === '/v1/floorplan') codes.push('invalid_floorplan');
  if (takes('dry_run') || takes('known_at')) codes.push('recount_running');
  if (path.startsWith('/v1/')) codes.push('history_unavailable', 'route_not_found');
  return codes;
}

/** The responses to `operation` that are problems. */
export function problemResponses(method: string, path: string, operation: Described): Record<string, object> {
  const schema = { $ref: '#/components/schemas/Problem' };
  const byStatus = Map.groupBy(new Set(codesOf(method, path, operation)), (code) => PROBLEMS[code].status);
  const described = [...byStatus].map(([status, codes]) => {
    const examples = Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]));
    const description = codes.map((code) => PROBLEMS[code].title).join('; ');
    return [status, { description, content: { 'application/problem+json': { schema, examples } } }];
  });
  return { ...Object.fromEntries(described), default: operation.responses['default'] ?? {} };
}
