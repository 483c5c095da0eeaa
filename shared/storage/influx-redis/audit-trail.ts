// The audit trail on Redis: a stream, its newest entries kept.
import type { Redis } from 'ioredis';
import {
  AUDIT_ENTRIES_MAX,
  AUDIT_KEPT_MS,
  AUDIT_PAGE,
  type AuditEntry,
  type AuditPage,
  type AuditTrail,
  isAsked,
} from '../audit-trail.ts';
import { keys } from './keys.ts';
import { temporarily } from './redis.ts';
import { runScript } from './scripts.ts';

/** `redis` stays open: whoever made the connection closes it. */
export function openRedisAuditTrail(redis: Redis, entriesMax: number = AUDIT_ENTRIES_MAX): AuditTrail {
  const page = (before: string | undefined) => {
    const end = before === undefined ? '+' : `(${before}`;
    return temporarily(() => redis.xrevrange(keys.auditTrail, end, '-', 'COUNT', AUDIT_PAGE));
  };
  return {
    append: async (entry) => {
      const args = [JSON.stringify(entry), entriesMax, AUDIT_KEPT_MS];
      await temporarily(() => runScript(redis, 'audit-append', [keys.auditTrail], args));
    },
    list: async (query) => {
      const results: AuditPage['results'][number][] = [];
      for (let before = query.cursor; ; ) {
        const found = await page(before);
        for (const [id, [, text]] of found) {
          const entry = JSON.parse(String(text)) as AuditEntry;
          if (!isAsked(entry, query)) continue;
          // One more tells whether there are any.
          if (results.length === query.limit) return { next: results.at(-1)?.id ?? null, results };
          results.push({ ...entry, id });
        }
        before = found.at(-1)?.[0];
        if (found.length < AUDIT_PAGE) return { next: null, results };
      }
    },
    close: async () => undefined,
  };
}
