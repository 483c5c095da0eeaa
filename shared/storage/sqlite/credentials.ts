// The credential store on SQLite, a table of the floor plan database.
import { readFileSync } from 'node:fs';
import type { Credential, CredentialKind, KeyCredential } from '../../credential.ts';
import { FatalError } from '../../thread.ts';
import { CREDENTIAL_CHANGES_MAX, CREDENTIALS_FULL, type CredentialStore } from '../credentials.ts';
import { isDiskFailure, isDiskFull, openDatabase, transaction } from './database.ts';
import { floorplanPath } from './floorplan.ts';

/** Of the page cache: a table that is seldom asked. */
const CACHE_KIB = 256;

const SCHEMA = readFileSync(new URL('credential.sql', import.meta.url), 'utf8');

export function openCredentials(dataDir: string): CredentialStore {
  const database = openDatabase(floorplanPath(dataDir), { schema: 'floorplan.sql', cacheKib: CACHE_KIB });
  database.exec(SCHEMA);
  const upsert = database.prepare(
    'INSERT OR REPLACE INTO credential (kind, id, revision, created_at, document) VALUES (?, ?, ?, ?, ?)',
  );
  const newest = database.prepare('SELECT coalesce(max(revision), 0) AS revision FROM credential');
  const select = database.prepare('SELECT document FROM credential WHERE kind = ? AND id = ?');
  const selectKeys = database.prepare("SELECT document FROM credential WHERE kind = 'key' ORDER BY created_at, id");
  const changed = database.prepare(
    'SELECT revision, kind, id FROM credential WHERE revision > ? ORDER BY revision LIMIT ?',
  );
  const newestRevision = () => Number(newest.get()?.['revision']);

  const put = (credentials: readonly Credential[]): void =>
    transaction(database, () => {
      for (const credential of credentials) {
        const { kind, id, createdAtMs } = credential;
        upsert.run(kind, id, newestRevision() + 1, createdAtMs, JSON.stringify(credential));
      }
    });

  return {
    put: async (...credentials) => {
      try {
        put(credentials);
      } catch (error) {
        if (isDiskFailure(error)) throw new FatalError(`the floor plan's disk failed: ${(error as Error).message}`);
        throw isDiskFull(error) ? new Error(CREDENTIALS_FULL, { cause: error }) : error;
      }
    },
    find: async (kind, id) => {
      const row = select.get(kind, id);
      return row === undefined ? null : (JSON.parse(String(row['document'])) as Credential);
    },
    keys: async () => selectKeys.all().map((row) => JSON.parse(String(row['document'])) as KeyCredential),
    newest: async () => newestRevision(),
    changes: async (after) =>
      changed.all(after, CREDENTIAL_CHANGES_MAX).map((row) => ({
        revision: Number(row['revision']),
        kind: String(row['kind']) as CredentialKind,
        id: String(row['id']),
      })),
    close: async () => database.close(),
  };
}
