// Who asks, and may they: every request is judged before its body is read.
//
//   Authorization: Bearer <key> ──▶ Access ──▶ identity ──▶ not too many? ──▶ has it the scope of the route? ──▶ handler
//       └─ none, not good: 401 unauthenticated         └─ 429 rate_limited          └─ no: 403 forbidden
//
// A route needs `read` when it is a GET and `manage` when it is not, unless its config says otherwise: a route that
// nobody thought about is never open.
import type { FastifyRequest, RouteOptions } from 'fastify';
import type { Access, Identity } from '../shared/access.ts';
import type { Scope } from '../shared/credential.ts';
import { TemporaryStorageError } from '../shared/errors.ts';
import { CREDENTIALS_FULL } from '../shared/storage/credentials.ts';
import type { Api } from './dependencies.ts';
import { limiter } from './limiter.ts';
import { Problem } from './problem.ts';

/** What a route asks of a key; `nobody`: it is open to everybody. */
export type RouteScope = Scope | 'nobody';

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: RouteScope;
  }
  interface FastifyRequest {
    /** Whose key it is; null where none is needed. */
    identity: Identity | null;
  }
}

const REALM = 'Bearer realm="footfall"';
const RETRY_AFTER_S = 1;
/** Of a bearer key (RFC 6750, 2.1); the scheme's name is case-insensitive. */
const BEARER = /^Bearer +(\S+) *$/i;

/** The scope of a route, from its config or its methods. */
export function scopeOf({ config, method }: Pick<RouteOptions, 'config' | 'method'>): RouteScope {
  if (config?.scope !== undefined) return config.scope;
  return [method].flat().every((one) => one === 'GET' || one === 'HEAD') ? 'read' : 'manage';
}

/** Judges every request of `api`. */
export function authenticateRequests(api: Api, access: Access, requestsPerS: number): void {
  const limit = limiter(api, requestsPerS);
  api.decorateRequest('identity', null);
  api.addHook('onRequest', async (request, reply) => {
    if (request.is404) return;
    const { config, method } = request.routeOptions;
    const scope = scopeOf({ config, method: method ?? request.method });
    if (scope === 'nobody' || (await available(access.isOpen()))) return;
    const key = BEARER.exec(request.headers.authorization ?? '')?.[1];
    const identity = key === undefined ? null : await available(access.authenticateKey(key));
    await limit(request, identity === null ? request.ip : `key ${identity.id}`);
    if (identity === null) {
      reply.header('www-authenticate', key === undefined ? REALM : `${REALM}, error="invalid_token"`);
      throw new Problem('unauthenticated', unauthenticated(request, key));
    }
    request.identity = identity;
    if (!identity.scopes.has(scope)) {
      reply.header('www-authenticate', `${REALM}, error="insufficient_scope", scope="${scope}"`);
      throw new Problem('forbidden', `this key has not the scope ${scope}; ask for one that has`);
    }
  });
}

/** `work`, or 503 while the credentials cannot be read or written. */
export async function available<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof TemporaryStorageError) && (error as Error).message !== CREDENTIALS_FULL) throw error;
    const detail = `the credentials cannot be used at the moment: ${(error as Error).message}; try again`;
    throw new Problem('not_ready', detail, { retryAfterS: RETRY_AFTER_S });
  }
}

function unauthenticated(request: FastifyRequest, key: string | undefined): string {
  if (key !== undefined) return 'this key is not good: it may be mistyped, expired or revoked';
  if (request.headers.authorization !== undefined) return 'send the key as authorization: Bearer <key>';
  return 'send a key as authorization: Bearer <key>; an administrator makes one with POST /v1/keys';
}
