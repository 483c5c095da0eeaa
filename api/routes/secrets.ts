// Routes of secrets, with which DPUs connect: made one by one or many at once, replaced with an overlap, revoked.
import { z } from 'zod';
import { asFormer, type Credential, newSecret } from '../../shared/credential.ts';
import type { Floorplan } from '../../shared/floorplan.ts';
import type { DpuId } from '../../shared/ids.ts';
import { formatTimestamp } from '../../shared/timestamp.ts';
import { secretAnswer, secretsAnswer } from '../answers.ts';
import { available } from '../authentication.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { createDpu } from '../edit/dpus.ts';
import { dpuOf, retired } from '../lookup.ts';
import { Problem } from '../problem.ts';
import { record } from '../recording.ts';
import { replayUnknown } from '../replay.ts';
import { dpuId, name } from '../schemas.ts';

/** A device that is away for longer than a month has to be visited anyway. */
const OVERLAP_S_MAX = 31 * 86_400;
const DPUS_MAX = 500;
const BODY_BYTES_MAX = 1024 * 1024;
const tags = ['floor plan'];
const overlap = z
  .int()
  .min(0)
  .max(OVERLAP_S_MAX)
  .default(0)
  .describe('Seconds for which the secret before stays good besides.');
const secretBody = z.strictObject({ overlap_s: overlap }).nullish();
const dpusBody = z.strictObject({
  dpus: z
    .array(z.strictObject({ id: dpuId, name: name.optional() }))
    .min(1)
    .max(DPUS_MAX),
  overlap_s: overlap,
});

export function secretRoutes(api: Api, dependencies: ApiDependencies): void {
  const { access, floorplan, clock } = dependencies;
  api.post(
    '/v1/dpus/:id/secret',
    {
      config: { confinement: 'own_dpu' },
      schema: {
        tags,
        summary: 'Make the secret of a DPU, shown this once, in place of the one before',
        params: z.strictObject({ id: dpuId }),
        body: secretBody,
        response: { 201: secretAnswer },
      },
    },
    async ({ params, body }, reply) => {
      const [made] = await makeSecrets(dependencies, [params.id], body?.overlap_s ?? 0);
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send(made as NonNullable<typeof made>);
    },
  );
  api.delete(
    '/v1/dpus/:id/secret',
    {
      config: { confinement: 'own_dpu' },
      schema: {
        tags,
        summary: 'Revoke what a DPU connects with, a certificate too, until a secret is made for it again',
        params: z.strictObject({ id: dpuId }),
        response: { 204: z.undefined() },
      },
    },
    async ({ params: { id } }, reply) => {
      dpuOf(floorplan.plan, id);
      await refuseWhileOpen(dependencies);
      const nowMs = clock.nowMs();
      const found = await available(dependencies.credentials.find('dpu', id));
      // Without a secret there may still be a certificate to revoke.
      const credential = found?.kind === 'dpu' ? found : newSecret(id, nowMs).credential;
      await available(access.put({ ...credential, former: null, revokedAtMs: nowMs }));
      return reply.code(204).send();
    },
  );
  api.post(
    '/v1/dpus/secrets',
    {
      bodyLimit: BODY_BYTES_MAX,
      schema: {
        tags,
        summary: 'Make DPUs, those of them that are not there, and a secret for each, shown this once',
        body: dpusBody,
        response: { 201: secretsAnswer },
      },
    },
    async (request, reply) => {
      const { dpus, overlap_s: overlapS } = request.body;
      await refuseWhileOpen(dependencies);
      const isMissing = (plan: Floorplan) => dpus.filter(({ id }) => !plan.dpus.has(id));
      const missing = isMissing(floorplan.plan).map(({ id }) => id);
      await record(dependencies, request, (plan) =>
        isMissing(plan).flatMap(({ id, ...rest }) => createDpu(plan, id, rest)),
      );
      const ids = [...new Set(dpus.map(({ id }) => id))];
      const results = await makeSecrets(dependencies, ids, overlapS);
      if (missing.length > 0) await replayUnknown(dependencies, missing);
      return reply.code(201).header('cache-control', 'no-store').send({ results });
    },
  );
}

async function makeSecrets(dependencies: ApiDependencies, ids: readonly DpuId[], overlapS: number) {
  const { access, credentials, floorplan, clock } = dependencies;
  for (const id of ids) if (dpuOf(floorplan.plan, id).retiredAtMs !== null) throw retired('dpu', id);
  await refuseWhileOpen(dependencies);
  const nowMs = clock.nowMs();
  const untilMs = nowMs + overlapS * 1000;
  const before: (Credential | null)[] =
    overlapS === 0 ? [] : await available(Promise.all(ids.map((id) => credentials.find('dpu', id))));
  const made = ids.map((id, index) => newSecret(id, nowMs, asFormer(before[index] ?? null, untilMs, nowMs)));
  await available(access.put(...made.map(({ credential }) => credential)));
  return made.map(({ text, credential }) => ({
    dpu_id: credential.id,
    secret: text,
    created_at: formatTimestamp(credential.createdAtMs),
  }));
}

async function refuseWhileOpen({ access }: ApiDependencies): Promise<void> {
  if (!(await available(access.isOpen()))) return;
  throw new Problem('forbidden', 'make a key with the scope admin first: a secret closes the service to all others');
}
