// Suppression of small counts, for readers who must not be able to tell single people: 1 to n-1 are answered as null, and
// what holds one says so (`"suppressed":"<5"`). Whatever tells single crossings is closed to such a reader.
import type { FastifyRequest } from 'fastify';
import { suppressBelowOf } from '../shared/suppression.ts';
import type { Api } from './dependencies.ts';
import { Problem } from './problem.ts';

/** Routes that a reader with suppression may use: those of counts, and those in which there are none. */
const OPEN = new Set([
  '/v1/spaces',
  '/v1/spaces/:id',
  '/v1/spaces/:id/versions',
  '/v1/doorways',
  '/v1/doorways/:id',
  '/v1/doorways/:id/versions',
  '/v1/spaces/:id/count',
  '/v1/spaces/counts',
  '/v1/spaces/:id/counts',
]);

/** Fields that hold numbers of people. */
const NUMBERS = new Set(['count', 'occupancy', 'entrances', 'exits', 'events', 'min', 'max', 'peak']);

/** Counts below this are not told to the maker of the request; null: all are told. */
export type SuppressBelow = number | null;

declare module 'fastify' {
  interface FastifyRequest {
    readonly suppressBelow: SuppressBelow;
  }
}

/** Suppresses in every answer of `api` as the key of its request says. */
export function suppressAnswers(api: Api, standard: SuppressBelow): void {
  api.decorateRequest('suppressBelow', {
    getter(this: FastifyRequest) {
      return suppressBelowOf(this.identity, standard);
    },
  });
  api.addHook('onRequest', ({ suppressBelow, is404, routeOptions: { url = '', config } }, _, done) => {
    const isOpen = OPEN.has(url) || config.scope === 'nobody' || config.scope === 'ingest';
    if (suppressBelow === null || is404 || isOpen) return done();
    done(
      new Problem('forbidden', 'small counts are kept from this key, and here they would show; use one that sees all'),
    );
  });
  api.addHook('preSerialization', ({ suppressBelow }, _, payload, done) =>
    done(null, suppressBelow === null ? payload : suppressed(payload, suppressBelow)),
  );
}

/** `value` without small counts, however deep they lie in it. */
export function suppressed(value: unknown, below: number): unknown {
  if (Array.isArray(value)) return value.map((one) => suppressed(one, below));
  if (typeof value !== 'object' || value === null) return value;
  let isSuppressed = false;
  const fields = Object.entries(value).map(([name, field]) => {
    // How often a count changed would tell each crossing.
    if (name === 'revision') return [name, null];
    const isSmall = NUMBERS.has(name) && typeof field === 'number' && field > 0 && field < below;
    isSuppressed ||= isSmall;
    return [name, isSmall ? null : suppressed(field, below)];
  });
  return { ...Object.fromEntries(fields), ...(isSuppressed ? { suppressed: `<${below}` } : {}) };
}
