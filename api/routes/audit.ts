// The route of the audit trail: who changed what and when, and what came of it.
import { z } from 'zod';
import { AUDIT_OUTCOMES, type AuditPage } from '../../shared/storage/audit-trail.ts';
import { formatTimestamp } from '../../shared/timestamp.ts';
import { moment, text, textOrNull } from '../answers.ts';
import { available } from '../authentication.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { openCursor, sealCursor } from '../paging.ts';
import { paging, queryMoment } from '../schemas.ts';

const KEY_CHARACTERS_MAX = 64;

const auditAnswer = z
  .object({
    next: textOrNull,
    results: z.array(
      z.object({
        id: text,
        at: moment,
        by: textOrNull.describe('The id of the key; null: none was needed, or it was done on the store itself.'),
        operation: text.meta({ examples: ['DELETE /v1/keys/:id'] }),
        thing: textOrNull.meta({ examples: ['/v1/keys/0123456789ab'] }),
        outcome: z.enum(AUDIT_OUTCOMES).describe('refused: the key may not; failed: it may have been done in part.'),
        status: z.int().nullable().describe('Of the answer; null: it was a command on the store itself.'),
        facts: z
          .object({ first: z.int(), last: z.int() })
          .nullable()
          .describe('What was recorded of the building: see /v1/facts.'),
        detail: textOrNull,
      }),
    ),
  })
  .meta({ id: 'AuditTrail' });

export function auditRoutes(api: Api, { audit }: ApiDependencies): void {
  api.get(
    '/v1/audit',
    {
      config: { scope: 'admin' },
      schema: {
        tags: ['operations'],
        summary:
          'Every change that was made over HTTP or by a command: who, when, what, and what came of it; newest first',
        querystring: z.strictObject({
          start_time: queryMoment.optional().describe('Default the oldest that is kept: 400 days, 100,000 entries.'),
          end_time: queryMoment.optional().describe('Default now.'),
          key: z.string().max(KEY_CHARACTERS_MAX).optional().describe('Made with this key only, by its id.'),
          ...paging,
        }),
        response: { 200: auditAnswer },
      },
    },
    async ({ query }) => {
      const { start_time: fromMs, end_time: untilMs, key: by, page_size: limit } = query;
      const list = `audit ${fromMs ?? ''} ${untilMs ?? ''} ${by ?? ''}`;
      const cursor = openCursor(list, query.cursor);
      const given = Object.entries({ fromMs, untilMs, by, cursor }).filter(([, value]) => value !== undefined);
      const page = await available(audit.list({ ...Object.fromEntries(given), limit }));
      return { next: page.next === null ? null : sealCursor(list, page.next), results: page.results.map(entryShape) };
    },
  );
}

function entryShape({ id, atMs, ...entry }: AuditPage['results'][number]) {
  return { id, at: formatTimestamp(atMs), ...entry };
}
