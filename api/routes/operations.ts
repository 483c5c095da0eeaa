// Routes for those who run the service: is it up, is it ready, do its numbers agree, and what can it do.
import { z } from 'zod';
import { verificationAnswer } from '../answers.ts';
import { ASYNCAPI } from '../asyncapi.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { type Fault, Problem } from '../problem.ts';
import { verificationShape } from '../shapes.ts';

/** How long the parts of the service may take to show that they answer. */
const ANSWER_TIMEOUT_MS = 2_000;

export function operationRoutes(api: Api, dependencies: ApiDependencies): void {
  const tags = ['operations'];
  const open = { scope: 'nobody', confinement: 'no_space' } as const;
  const admin = { scope: 'admin' } as const;
  const ok = z.object({ status: z.literal('ok') });
  api.get(
    '/healthz',
    { config: open, schema: { tags, summary: 'The process is up', response: { 200: ok } } },
    async () => ({
      status: 'ok' as const,
    }),
  );
  api.get(
    '/readyz',
    { config: open, schema: { tags, summary: 'It takes events and answers', response: { 200: ok } } },
    async () => {
      const errors = await whatIsNotReady(dependencies);
      if (errors.length === 0) return { status: 'ok' as const };
      const detail = errors.map(({ path, message }) => `${path} ${message}`).join('; ');
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

async function whatIsNotReady({ ingest, processor, history }: ApiDependencies): Promise<Fault[]> {
  const faults: Fault[] = [];
  if (ingest.writer.failing) faults.push({ path: 'journal', message: 'takes no appends' });
  const [processorAnswers, historyAnswers] = await Promise.all([
    inTime(processor.applied(0, ANSWER_TIMEOUT_MS)),
    inTime(history.counts([]).then(() => true)),
  ]);
  if (!processorAnswers) faults.push({ path: 'processor', message: 'does not answer' });
  if (!historyAnswers) faults.push({ path: 'history', message: 'does not answer' });
  return faults;
}

/** False when `answer` is false, fails, or takes too long. */
async function inTime(answer: Promise<boolean>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ANSWER_TIMEOUT_MS);
  try {
    return await Promise.race([answer.catch(() => false), late]);
  } finally {
    clearTimeout(timer);
  }
}
