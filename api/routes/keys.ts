// Routes of keys, for people and programs.
import { z } from 'zod';
import { type KeyCredential, newKey, SCOPES } from '../../shared/credential.ts';
import { formatTimestamp } from '../../shared/timestamp.ts';
import { keyAnswer, keyMadeAnswer, listOf } from '../answers.ts';
import { available } from '../authentication.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { spaceOf } from '../lookup.ts';
import { pageOf } from '../paging.ts';
import { invalidField, Problem } from '../problem.ts';
import { givenId, moment, paging, spaceId } from '../schemas.ts';

const NAME_CHARACTERS_MAX = 200;
const ADMIN_UNCONFINED = 'admin is for the whole building: leave it or root_space_id out';
const tags = ['operations'];
const config = { scope: 'admin' } as const;
const keyBody = z.strictObject({
  name: z.string().max(NAME_CHARACTERS_MAX).optional().describe('For those who read the list.'),
  scopes: z.array(z.enum(SCOPES)).min(1).describe('admin includes all, manage includes read.'),
  expires_at: moment.nullish().describe('From then on it is good for nothing; default never.'),
  root_space_id: spaceId
    .nullish()
    .describe('It sees and changes only this space and those below it, by the tree of now; default everything.'),
  suppress_below: z
    .int()
    .min(2)
    .max(1000)
    .nullish()
    .describe('Counts from 1 to below this are null to it; only for a key that may only read.'),
});

export function keyRoutes(api: Api, dependencies: ApiDependencies): void {
  const { access, credentials, floorplan, clock } = dependencies;
  api.get(
    '/v1/keys',
    {
      config,
      schema: {
        tags,
        summary: 'List keys, revoked and expired ones too',
        querystring: z.strictObject(paging),
        response: { 200: listOf(keyAnswer) },
      },
    },
    async ({ query }) => {
      const all = await available(credentials.keys());
      const page = pageOf('keys', all, sortKey, query);
      return { ...page, results: page.results.map(keyShape) };
    },
  );
  api.post(
    '/v1/keys',
    {
      config,
      schema: { tags, summary: 'Make a key, shown this once', body: keyBody, response: { 201: keyMadeAnswer } },
    },
    async ({ body, identity }, reply) => {
      const nowMs = clock.nowMs();
      const { name = '', scopes, expires_at: expiresAtMs = null, root_space_id: rootSpaceId = null } = body;
      const { suppress_below: suppressBelow = null } = body;
      if (suppressBelow !== null && scopes.some((scope) => scope !== 'read')) {
        throw invalidField('body.suppress_below', 'it is for keys that have the scope read alone');
      }
      if (rootSpaceId !== null) {
        spaceOf(floorplan.plan, rootSpaceId, 'body.root_space_id');
        if (scopes.includes('admin')) throw invalidField('body.scopes', ADMIN_UNCONFINED);
      }
      if (expiresAtMs !== null && expiresAtMs <= nowMs)
        throw invalidField('body.expires_at', 'it must be in the future');
      if (!scopes.includes('admin') && (await available(access.isOpen()))) {
        throw invalidField(
          'body.scopes',
          'the first key closes the service to everybody else: it needs the scope admin',
        );
      }
      const wish = {
        name,
        scopes: [...new Set(scopes)],
        expiresAtMs,
        rootSpaceId,
        suppressBelow,
        createdBy: identity?.id ?? null,
      };
      const { text, credential } = newKey(wish, nowMs);
      await available(access.put(credential));
      reply.code(201).header('location', `/v1/keys/${credential.id}`).header('cache-control', 'no-store');
      return reply.send({ ...keyShape(credential), key: text });
    },
  );
  api.delete(
    '/v1/keys/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Revoke a key: within a second it works nowhere',
        params: z.strictObject({ id: givenId }),
        response: { 204: z.undefined() },
      },
    },
    async ({ params: { id }, identity }, reply) => {
      const key = await available(credentials.find('key', id));
      if (key?.kind !== 'key') throw new Problem('key_not_found', `there is no key ${id}`);
      if (key.revokedAtMs === null) {
        await available(access.put({ ...key, revokedAtMs: clock.nowMs(), revokedBy: identity?.id ?? null }));
      }
      return reply.code(204).send();
    },
  );
}

/** In the order of their making; ids tell apart what was made in one millisecond. */
function sortKey({ createdAtMs, id }: KeyCredential): string {
  return `${String(createdAtMs).padStart(15, '0')} ${id}`;
}

function keyShape(key: KeyCredential) {
  const { scopes, createdAtMs, expiresAtMs, revokedAtMs, rootSpaceId = null, createdBy = null, revokedBy = null } = key;
  return {
    id: key.id,
    name: key.name,
    scopes: [...scopes],
    root_space_id: rootSpaceId,
    suppress_below: key.suppressBelow ?? null,
    created_at: formatTimestamp(createdAtMs),
    created_by: createdBy,
    expires_at: expiresAtMs === null ? null : formatTimestamp(expiresAtMs),
    revoked_at: revokedAtMs === null ? null : formatTimestamp(revokedAtMs),
    revoked_by: revokedBy,
  };
}
