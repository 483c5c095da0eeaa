// How many requests of one key, or of one address without a good key, are answered.
import rateLimit from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import type { Api } from './dependencies.ts';
import { Problem } from './problem.ts';

/** Requests are counted over so long, so that a page may ask for a lot at once. */
const WINDOW_S = 10;
/** Keys and addresses that are remembered. */
const CALLERS_MAX = 10_000;

/** Counts a request of `caller`, and throws rate_limited when there were too many. Each API process counts its own. */
export function limiter(api: Api, requestsPerS: number): (request: FastifyRequest, caller: string) => Promise<void> {
  const callers = new WeakMap<FastifyRequest, string>();
  api.register(rateLimit, {
    global: false,
    max: requestsPerS * WINDOW_S,
    timeWindow: WINDOW_S * 1000,
    cache: CALLERS_MAX,
    keyGenerator: (request) => callers.get(request) ?? request.ip,
  });
  // Made with the first request: the plugin is there once the API is ready.
  let count: ReturnType<Api['createRateLimit']> | undefined;
  return async (request, caller) => {
    callers.set(request, caller);
    count ??= api.createRateLimit();
    const state = await count(request);
    if (state.isAllowed || !state.isExceeded) return;
    const detail = `this is more than ${requestsPerS} requests a second over ${WINDOW_S} s; wait, then ask less often`;
    throw new Problem('rate_limited', detail, { retryAfterS: state.ttlInSeconds });
  };
}
