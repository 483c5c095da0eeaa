// The audit trail: every change that somebody made over HTTP is in it before it is answered, with the key it was made with.
//
//   request ──▶ handler ──▶ what came of it: done, refused, failed ──▶ audit trail (durable) ──▶ answer
//                              └─ nothing was changed (a dry run, a request that is not valid): no entry
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuditEntry, AuditOutcome } from '../shared/storage/audit-trail.ts';
import type { Api, ApiDependencies } from './dependencies.ts';

/** Of refusals that are alike one in so long is entered: a key that is not allowed to must not push out what was done. */
const REFUSED_EVERY_MS = 60_000;
/** Keys times operations that are remembered. */
const REFUSALS_KEPT = 10_000;
/** Of a detail: what is longer names enough. */
const DETAIL_CHARACTERS_MAX = 500;
/** Of routes whose path does not say what they are about, which of the body's fields do. None of them is a secret. */
const TELLING: Readonly<Record<string, readonly string[]>> = {
  '/v1/keys': ['name', 'scopes', 'root_space_id', 'expires_at', 'suppress_below'],
  '/v1/quarantine/replay': ['ids', 'reason', 'dpu_id'],
  '/v1/dpus/secrets': ['dpus', 'overlap_s'],
  '/v1/dpus/:id/commands': ['command'],
};

/** Enters what changed; events that DPUs send are in the journal. */
export function auditRequests(api: Api, { audit, clock }: Pick<ApiDependencies, 'audit' | 'clock'>): void {
  const refused = new Refused();
  api.addHook('onSend', async (request, reply, payload) => {
    const outcome = outcomeOf(request, reply);
    if (outcome === null) return payload;
    const entry = entryOf(request, reply, outcome, clock.nowMs());
    if (outcome === 'refused' && !refused.isNew(`${entry.by} ${entry.operation}`, clock.monotonicMs())) return payload;
    try {
      await audit.append(entry);
      request.log.info({ audit: entry }, 'changed over HTTP');
    } catch (error) {
      // It is done, and must not be answered as if it were not.
      request.log.error({ err: error, audit: entry }, 'changed over HTTP, and missing from the audit trail');
    }
    return payload;
  });
}

/** Refusals by what was refused to whom, and when that was last entered. */
class Refused {
  readonly #enteredAtMs = new Map<string, number>();

  /** False for one that is like another of the same minute. */
  isNew(refusal: string, nowMs: number): boolean {
    if (nowMs - (this.#enteredAtMs.get(refusal) ?? Number.NEGATIVE_INFINITY) < REFUSED_EVERY_MS) return false;
    if (this.#enteredAtMs.size >= REFUSALS_KEPT) this.#enteredAtMs.clear();
    this.#enteredAtMs.set(refusal, nowMs);
    return true;
  }
}

/** Null: nothing was changed, or it is not the trail's. */
function outcomeOf(request: FastifyRequest, { statusCode }: FastifyReply): AuditOutcome | null {
  const { method, routeOptions, identity } = request;
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || request.is404) return null;
  const { scope } = routeOptions.config;
  if (scope === 'ingest' || scope === 'nobody') return null;
  if ((request.query as { dry_run?: string } | null)?.dry_run === 'true') return null;
  if (statusCode < 400) return 'done';
  // Of those without a key anybody could make any number.
  if (statusCode === 403 && identity !== null) return 'refused';
  return statusCode >= 500 ? 'failed' : null;
}

function entryOf(request: FastifyRequest, reply: FastifyReply, outcome: AuditOutcome, atMs: number): AuditEntry {
  const { method, url, identity, recorded, routeOptions } = request;
  const route = routeOptions.url ?? url;
  const made = reply.getHeader('location');
  return {
    atMs,
    by: identity?.id ?? null,
    operation: `${method} ${route}`,
    thing: typeof made === 'string' && made.startsWith(`${route}/`) ? made : (url.split('?', 1)[0] ?? url),
    outcome,
    status: reply.statusCode,
    facts: recorded,
    detail: detailOf(route, request.body),
  };
}

function detailOf(route: string, body: unknown): string | null {
  const telling = TELLING[route];
  if (telling === undefined || typeof body !== 'object' || body === null) return null;
  const told = Object.entries(body).filter(([name]) => telling.includes(name));
  return JSON.stringify(Object.fromEntries(told)).slice(0, DETAIL_CHARACTERS_MAX);
}
