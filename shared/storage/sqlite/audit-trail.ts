// The audit trail on SQLite, a table of the floor plan database.
import { readFileSync } from 'node:fs';
import { FatalError } from '../../thread.ts';
import { AUDIT_ENTRIES_MAX, AUDIT_KEPT_MS, type AuditEntry, type AuditTrail } from '../audit-trail.ts';
import { isDiskFailure, openDatabase, transaction } from './database.ts';
import { floorplanPath } from './floorplan.ts';

/** Of the page cache: a table that is seldom asked. */
const CACHE_KIB = 256;

const SCHEMA = readFileSync(new URL('audit-trail.sql', import.meta.url), 'utf8');

export function openAuditTrail(dataDir: string, entriesMax: number = AUDIT_ENTRIES_MAX): AuditTrail {
  const database = openDatabase(floorplanPath(dataDir), { schema: 'floorplan.sql', cacheKib: CACHE_KIB });
  database.exec(SCHEMA);
  const insert = database.prepare('INSERT INTO audit (at, by, document) VALUES (?, ?, ?)');
  const oldest = database.prepare('SELECT min(number) AS number FROM audit WHERE at >= ?');
  const trim = database.prepare('DELETE FROM audit WHERE number <= ? OR number < ?');
  const select = database.prepare(
    `SELECT number, document FROM audit
     WHERE number < ?1 AND at >= ?2 AND at < ?3 AND (?4 IS NULL OR by = ?4) ORDER BY number DESC LIMIT ?5`,
  );
  const store = (entry: AuditEntry): void =>
    transaction(database, () => {
      const { lastInsertRowid } = insert.run(entry.atMs, entry.by, JSON.stringify(entry));
      const kept = Number(oldest.get(entry.atMs - AUDIT_KEPT_MS)?.['number']);
      trim.run(Number(lastInsertRowid) - entriesMax, kept);
    });
  return {
    append: async (entry) => {
      try {
        store(entry);
      } catch (error) {
        if (isDiskFailure(error)) throw new FatalError(`the floor plan's disk failed: ${(error as Error).message}`);
        throw error;
      }
    },
    list: async ({ fromMs, untilMs, by, limit, cursor }) => {
      const before = Number(cursor ?? Number.MAX_SAFE_INTEGER);
      const span = [fromMs ?? Number.MIN_SAFE_INTEGER, untilMs ?? Number.MAX_SAFE_INTEGER] as const;
      // One more tells whether there are any.
      const rows = select.all(before, ...span, by ?? null, limit + 1);
      const results = rows.slice(0, limit).map((row) => ({
        ...(JSON.parse(String(row['document'])) as AuditEntry),
        id: String(row['number']),
      }));
      return { next: rows.length > limit ? (results.at(-1)?.id ?? null) : null, results };
    },
    close: async () => database.close(),
  };
}
