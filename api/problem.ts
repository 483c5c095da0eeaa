// Problems: the one table from code to HTTP status and title, and the way of every error into an RFC 9457 answer.
//
//   domain ──throws Problem──┐
//   zod, fastify ────────────┼──▶ problemOf ──▶ problemBody (application/problem+json)
//   anything else ───────────┘    (internal_error; what it was stands in the log only)

/** What a client waits before it asks again while a server is away, seconds. */
const RETRY_AFTER_S = 5;

import { HistoryUnavailableError, TemporaryStorageError } from '../shared/errors.ts';

/** Every code that an answer can carry. Codes are stable: clients depend on them. */
export const PROBLEMS = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  invalid_json: { status: 400, title: 'The body is not JSON' },
  invalid_cursor: { status: 400, title: 'The cursor is not of this list' },
  at_in_future: { status: 400, title: 'The moment lies in the future' },
  unauthenticated: { status: 401, title: 'A key is needed' },
  forbidden: { status: 403, title: 'The key does not allow it' },
  route_not_found: { status: 404, title: 'There is no such route' },
  space_not_found: { status: 404, title: 'There is no such space' },
  doorway_not_found: { status: 404, title: 'There is no such doorway' },
  dpu_not_found: { status: 404, title: 'There is no such DPU' },
  placement_not_found: { status: 404, title: 'There is no such placement' },
  outage_not_found: { status: 404, title: 'There is no such outage' },
  void_not_found: { status: 404, title: 'There is no such void' },
  reset_not_found: { status: 404, title: 'There is no such reset' },
  recount_not_found: { status: 404, title: 'There is no such recount' },
  command_not_found: { status: 404, title: 'There is no such command' },
  key_not_found: { status: 404, title: 'There is no such key' },
  webhook_not_found: { status: 404, title: 'There is no such webhook' },
  delivery_not_found: { status: 404, title: 'There is no such delivery' },
  already_exists: { status: 409, title: 'The id is taken' },
  id_retired: { status: 409, title: 'The id belongs to something retired' },
  command_delivered: { status: 409, title: 'The command has been delivered' },
  too_many_commands: { status: 409, title: 'Too many commands wait for the DPU' },
  too_many_deliveries: { status: 409, title: 'Too many messages wait for the webhook' },
  cursor_expired: { status: 410, title: 'The cursor is too old' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  rate_limited: { status: 429, title: 'Too many requests' },
  unsupported_media_type: { status: 415, title: 'The body is not declared as JSON' },
  space_cycle: { status: 422, title: 'The space would be inside itself' },
  invalid_floorplan: { status: 422, title: 'The floor plan contradicts itself' },
  internal_error: { status: 500, title: 'Something went wrong inside footfall' },
  history_unavailable: { status: 503, title: 'History cannot be asked at the moment' },
  journal_unavailable: { status: 503, title: 'The journal takes no appends at the moment' },
  recount_running: { status: 503, title: 'A recount has to be done first' },
  not_ready: { status: 503, title: 'The service is not ready' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Where in the request the fault is (`body.a`, `query.at`, `path.id`), and what it is. */
export type Fault = { readonly path: string; readonly message: string };

type Extras = { readonly errors?: readonly Fault[]; readonly retryAfterS?: number };

/** An error that a client is told about. `detail` says what to do. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly errors: readonly Fault[];
  /** Seconds, for the Retry-After header; null: none. */
  readonly retryAfterS: number | null;

  constructor(code: ProblemCode, detail: string, extras: Extras = {}) {
    super(detail);
    this.code = code;
    this.errors = extras.errors ?? [];
    this.retryAfterS = extras.retryAfterS ?? null;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }
}

/** A request that is not valid because of one field. */
export function invalidField(path: string, message: string): Problem {
  return new Problem('invalid_request', `${path}: ${message}`, { errors: [{ path, message }] });
}

/** What a client is told about any error at all. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { code, statusCode, message } = error as { code?: unknown; statusCode?: unknown; message?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new Problem('payload_too_large', 'send less at a time');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new Problem('unsupported_media_type', 'send JSON with content-type: application/json');
  }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new Problem('invalid_request', String(message));
  }
  if (error instanceof HistoryUnavailableError) {
    return new Problem('history_unavailable', 'live counts go on; ask again', { retryAfterS: RETRY_AFTER_S });
  }
  if (error instanceof TemporaryStorageError) {
    return new Problem('journal_unavailable', 'a server is away; ask again', { retryAfterS: RETRY_AFTER_S });
  }
  return new Problem('internal_error', 'it is in the log of the service; try again');
}

/** The body of the answer, RFC 9457. */
export function problemBody(problem: Problem): object {
  return {
    type: `urn:footfall:problem:${problem.code}`,
    title: PROBLEMS[problem.code].title,
    status: problem.status,
    code: problem.code,
    detail: problem.message,
    errors: problem.errors,
  };
}
