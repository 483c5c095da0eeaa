// Routes for those who run the service: is it up, is it ready, do its numbers agree, and what can it do.
import { z } from 'zod';
import { verificationAnswer } from '../answers.ts';
import { ASYNCAPI } from '../asyncapi.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { Problem } from '../problem.ts';
import { verificationShape } from '../shapes.ts';

const readinessCheck = z.object({
  name: z.string().meta({ examples: ['journal'] }),
  state: z.enum(['ok', 'warning', 'failing']),
  detail: z.string().nullable().describe('What is wrong.'),
  action: z.string().nullable().describe('What to do about it.'),
});

export function operationRoutes(api: Api, dependencies: ApiDependencies): void {
  const tags = ['operations'];
  const open = { scope: 'nobody', confinement: 'no_space' } as const;
  const admin = { scope: 'admin' } as const;
  const ok = z.object({ status: z.literal('ok') });
  const ready = ok.extend({ checks: z.array(readinessCheck) });
  api.get(
    '/healthz',
    { config: open, schema: { tags, summary: 'The process is up', response: { 200: ok } } },
    async () => ({
      status: 'ok' as const,
    }),
  );
  api.get(
    '/readyz',
    { config: open, schema: { tags, summary: 'It takes events and answers, or why not', response: { 200: ready } } },
    async () => {
      const checks = await dependencies.readiness.checks();
      const failing = checks.filter(({ state }) => state === 'failing');
      if (failing.length === 0) return { status: 'ok' as const, checks };
      const errors = failing.map(({ name, detail, action }) => ({ path: name, message: `${detail}; ${action}` }));
      const detail = errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
      throw new Problem('not_ready', detail, { errors, retryAfterS: 1 });
    },
  );
  for (const work of ['verify', 'rebuild'] as const) {
    const summary =
      work === 'verify'
        ? 'Compare live counts, history and a replay of the raw events'
        : 'Make every projection anew from the raw events; answers what differed';
    api.post(
      `/v1/${work}`,
      { config: admin, schema: { tags, summary, response: { 200: verificationAnswer } } },
      async () => verificationShape(await dependencies.processor[work]()),
    );
  }
  const hide = { hide: true };
  api.get('/openapi.json', { config: open, schema: hide as object }, async (_, reply) =>
    reply.header('content-type', 'application/json').send(JSON.stringify(api.swagger())),
  );
  api.get('/asyncapi.json', { config: open, schema: hide as object }, async (_, reply) =>
    reply.header('content-type', 'application/json').send(JSON.stringify(ASYNCAPI)),
  );
}
