// The history database as the processor writes it: one transaction a batch, holding the events and all that follows from them.
//
//   events ─▶ identity ─▶ event, dpu_hour ─▶ deltas ─▶ rollups, live ─┐
//   facts  ─▶ events they remap ─▶ difference ─▶ deltas ─▶ rollups, live ─┴▶ progress, COMMIT
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { TemporaryStorageError } from '../../errors.ts';
import { FatalError } from '../../thread.ts';
import type { Batch, HistoryWriter, LiveStart, Recount } from '../history.ts';
import { audit } from './audit.ts';
import { Changes, prepareChanges } from './changes.ts';
import { isDiskFailure, isDiskFull, openDatabase, transaction } from './database.ts';
import { Days } from './days.ts';
import { DuplicateCounter } from './duplicates.ts';
import { Extremes } from './extremes.ts';
import { HeardWriter } from './heard.ts';
import { Names } from './names.ts';
import { RawEvents, rowsOf, timestampOf } from './raw-events.ts';
import { Recounter } from './recounter.ts';
import { Sums } from './sums.ts';

/** The page cache of the writer, KiB: holds the pages of the hours being written. */
const CACHE_KIB = 16 * 1024;

/** The file below the data directory. */
export function historyPath(dataDir: string): string {
  return join(dataDir, 'history.sqlite');
}

export function openHistoryWriter(dataDir: string): HistoryWriter {
  const database = openDatabase(historyPath(dataDir), { schema: 'history.sql', cacheKib: CACHE_KIB });
  const names = new Names(database);
  const rawEvents = new RawEvents(database);
  const recounter = new Recounter(database, names, rawEvents);
  const heard = new HeardWriter(database);
  const duplicates = new DuplicateCounter(database);
  const sums = new Sums(database);
  const days = new Days(database);
  const extremes = new Extremes(database);
  const statements = prepareStatements(database);
  const startOf = new Map<number, number>();
  const readStarts = database.prepare('SELECT space, start_at FROM live WHERE start_at IS NOT NULL');
  const loadStarts = () => {
    startOf.clear();
    for (const row of readStarts.iterate()) startOf.set(Number(row['space']), Number(row['start_at']));
  };
  loadStarts();

  /** All or nothing; what is kept in memory beside the database goes back with it. */
  const commit = <Result>(work: () => Result): Result => {
    try {
      return transaction(database, work);
    } catch (error) {
      if (isDiskFailure(error)) {
        const reason = `the history's disk failed: ${(error as Error).message}; check the disk, then start again`;
        throw new FatalError(reason, { cause: error });
      }
      names.load();
      loadStarts();
      if (isDiskFull(error)) throw new TemporaryStorageError('the disk is full; free some space', { cause: error });
      throw error;
    }
  };

  const storeBatch = (batch: Batch): number => {
    const changes = new Changes(startOf);
    const { rows, repeats } = rowsOf(batch.events, names);
    const fresh = rawEvents.insert(rows);
    duplicates.count(rows, fresh, repeats);
    for (const row of fresh)
      changes.add(timestampOf(row), row[3], names.effects[row[8]] as Names['effects'][number], 1);
    changes.write(statements.changes);
    for (const item of batch.quarantined) {
      const { id, topic, dpuId, reason, receivedAtMs, recordedAtMs, payload, detail } = item;
      statements.quarantine.run(id, topic, dpuId, reason, receivedAtMs, recordedAtMs, payload, detail);
    }
    heard.take(batch.heard);
    for (const id of batch.replayed) statements.replayed.run(id);
    statements.setPosition.run(batch.partition, batch.position);
    return fresh.length;
  };

  const storeRecount = (recount: Recount): number => {
    const changes = new Changes(startOf);
    let events = 0;
    for (const fact of recount.facts) {
      for (const remapping of fact.remappings) events += recounter.apply(remapping, fact, changes);
    }
    changes.write(statements.changes);
    statements.setPosition.run(recount.partition, recount.position);
    statements.setFactNumber.run(recount.factNumber, recount.partition);
    return events;
  };

  const storeLiveStart = ({ spaceId, atMs }: LiveStart): void => {
    const space = names.space(spaceId);
    const before = atMs === null ? { entrances: 0, exits: 0 } : sums.at(space, atMs);
    const all = statements.liveTotals.get(space);
    const since = [Number(all?.['entrances'] ?? 0) - before.entrances, Number(all?.['exits'] ?? 0) - before.exits];
    statements.setLiveStart.run(space, atMs, ...since);
    if (atMs === null) startOf.delete(space);
    else startOf.set(space, atMs);
  };

  return {
    progress: async (partition) => {
      const row = statements.progress.get(partition);
      return { position: Number(row?.['position'] ?? 0), factNumber: Number(row?.['fact_number'] ?? 0) };
    },
    commit: async (batch) => ({ stored: commit(() => storeBatch(batch)) }),
    recount: async (recount) => ({ events: commit(() => storeRecount(recount)) }),
    startLive: async (starts) => commit(() => starts.forEach(storeLiveStart)),
    tidy: async (beforeMs) => commit(() => extremes.workOutOneHour(beforeMs) || days.workOutOneDay(beforeMs)),
    audit: (truth, options) => audit(database, names, startOf, truth, options),
    close: async () => database.close(),
  };
}

function prepareStatements(database: DatabaseSync) {
  return {
    changes: prepareChanges(database),
    progress: database.prepare('SELECT position, fact_number FROM progress WHERE partition = ?'),
    setPosition: database.prepare(`INSERT INTO progress VALUES (?1, ?2, 0) ON CONFLICT DO UPDATE SET position = ?2`),
    setFactNumber: database.prepare('UPDATE progress SET fact_number = ? WHERE partition = ?'),
    quarantine: database.prepare(
      `INSERT OR IGNORE INTO quarantine (id, topic, dpu_id, reason, received_at, recorded_at, payload, detail)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    replayed: database.prepare('DELETE FROM quarantine WHERE id = ?'),
    setLiveStart: database.prepare(
      `INSERT INTO live (space, entrances, exits, start_at, since_entrances, since_exits, newest_at, revision)
       VALUES (?1, 0, 0, ?2, ?3, ?4, NULL, 1)
       ON CONFLICT DO UPDATE SET start_at = ?2, since_entrances = ?3, since_exits = ?4, revision = revision + 1`,
    ),
    liveTotals: database.prepare('SELECT entrances, exits FROM live WHERE space = ?'),
  };
}
