// The connections of DPUs on SQLite, in a database of their own.
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { TemporaryStorageError } from '../../errors.ts';
import type { DpuId } from '../../ids.ts';
import { FatalError } from '../../thread.ts';
import {
  CONNECTION_CHANGES_MAX,
  type Connection,
  type ConnectionNews,
  type ConnectionStore,
  NEVER_CONNECTED,
} from '../connections.ts';
import { isDiskFailure, isDiskFull, openDatabase, transaction } from './database.ts';

/** Of the page cache. */
const CACHE_KIB = 1024;
/** Rows in one transaction, some 5 ms; then it is the turn of the others on the thread. */
const NEWS_TOGETHER = 500;

export function openFleetDatabase(dataDir: string): DatabaseSync {
  return openDatabase(join(dataDir, 'fleet.sqlite'), { schema: 'fleet.sql', cacheKib: CACHE_KIB });
}

/** `work` in a transaction; a full disk is a TemporaryStorageError, a failing one fatal. */
export function stored<Result>(database: DatabaseSync, work: () => Result): Result {
  try {
    return transaction(database, work);
  } catch (error) {
    if (isDiskFailure(error)) throw new FatalError(`the fleet's disk failed: ${(error as Error).message}`);
    if (isDiskFull(error)) throw new TemporaryStorageError('the disk is full', { cause: error });
    throw error;
  }
}

/** The same, not synced: whoever else is on this thread would wait for it, and who is connected is told anew after a crash. */
function unsynced(database: DatabaseSync, work: () => void): void {
  database.exec('PRAGMA synchronous = NORMAL');
  try {
    stored(database, work);
  } finally {
    database.exec('PRAGMA synchronous = FULL');
  }
}

/** `database` stays open: whoever opened it closes it. */
export function openConnections(database: DatabaseSync): ConnectionStore {
  const newest = database.prepare('SELECT coalesce(max(revision), 0) AS revision FROM connection');
  const select = database.prepare(
    'SELECT connection, online, since, address, mqtt_version FROM connection WHERE dpu = ?',
  );
  const upsert = database.prepare('INSERT OR REPLACE INTO connection VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  const online = database.prepare('SELECT dpu FROM connection WHERE online = 1 AND teller = ?');
  const end = database.prepare('UPDATE connection SET online = 0, since = ?, revision = ? WHERE dpu = ?');
  const changed = database.prepare('SELECT revision, dpu FROM connection WHERE revision > ? ORDER BY revision LIMIT ?');
  const refused = database.prepare('SELECT reason, times FROM refusal WHERE dpu = ?');
  const refuse = database.prepare(
    'INSERT INTO refusal VALUES (?1, ?2, ?3) ON CONFLICT (dpu, reason) DO UPDATE SET times = times + ?3',
  );
  const revisionNow = () => Number(newest.get()?.['revision']);

  const put = (teller: string, { dpuId, connectionId, ...one }: ConnectionNews): void => {
    const before = select.get(dpuId);
    const isOther = before?.['online'] === 1 && before['connection'] !== connectionId;
    if (!one.online && isOther) return;
    const { atMs, address, mqttVersion } = one;
    upsert.run(dpuId, revisionNow() + 1, teller, connectionId, Number(one.online), atMs, address, mqttVersion);
  };
  const find = (dpuId: DpuId): Connection => {
    const counts = refused.all(dpuId).map((row) => [String(row['reason']), Number(row['times'])]);
    const refusals = Object.fromEntries(counts) as Record<string, number>;
    const row = select.get(dpuId);
    if (row === undefined) return { ...NEVER_CONNECTED, refusals };
    const [address, mqttVersion] = [String(row['address']), String(row['mqtt_version'])];
    return { online: row['online'] === 1, sinceMs: Number(row['since']), address, mqttVersion, refusals };
  };
  return {
    begin: async (teller, atMs) =>
      unsynced(database, () => {
        for (const row of online.all(teller)) end.run(atMs, revisionNow() + 1, String(row['dpu']));
      }),
    tell: async (teller, news, refusals) => {
      if (news.length + refusals.length === 0) return true;
      for (let at = 0; at < news.length; at += NEWS_TOGETHER) {
        unsynced(database, () => {
          for (const one of news.slice(at, at + NEWS_TOGETHER)) put(teller, one);
        });
        await new Promise(setImmediate);
      }
      unsynced(database, () => {
        for (const { dpuId, reason, times } of refusals) refuse.run(dpuId, reason, times);
      });
      return true;
    },
    find: async (dpuIds) => dpuIds.map(find),
    newest: async () => revisionNow(),
    changes: async (after) => {
      const rows = changed.all(after, CONNECTION_CHANGES_MAX);
      const revision = Number(rows.at(-1)?.['revision'] ?? after);
      return { revision, dpuIds: rows.map((row) => String(row['dpu']) as DpuId) };
    },
    close: async () => undefined,
  };
}

/** What a service that ended early has left as connected is over. Call where no broker runs. */
export function endAllConnections(database: DatabaseSync, atMs: number): void {
  const connections = openConnections(database);
  const tellers = database.prepare('SELECT DISTINCT teller FROM connection WHERE online = 1').all();
  for (const row of tellers) void connections.begin(String(row['teller']), atMs);
}
