// The history database as the processor writes it: one transaction a batch, holding the events and all that follows from them.
//
//   events ─▶ identity ─▶ event, event_hour ─▶ deltas ─▶ rollups, live ──────────────┐
//   facts  ─▶ recount ─▶ events they remap ─▶ difference ─▶ deltas ─▶ rollups, live ─┴▶ change_log, progress, COMMIT
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { TemporaryStorageError } from '../../errors.ts';
import { FatalError } from '../../thread.ts';
import {
  type Batch,
  type EndOfEvent,
  type HistoryWriter,
  type Progress,
  type ResetMove,
  type Stored,
  storedOf,
  type TakenFacts,
} from '../history.ts';
import { audit } from './audit.ts';
import { ChangeLog } from './change-log.ts';
import { Changes, prepareChanges } from './changes.ts';
import { isDiskFailure, isDiskFull, openDatabase, transaction } from './database.ts';
import { Days } from './days.ts';
import { DuplicateCounter } from './duplicates.ts';
import { rowsOf, SECOND_MS, timestampOf } from './event-row.ts';
import { Extremes } from './extremes.ts';
import { HeardWriter } from './heard.ts';
import { LiveStarts } from './live-starts.ts';
import { type Effect, Names } from './names.ts';
import { RawEvents } from './raw-events.ts';
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
  const heard = new HeardWriter(database);
  const duplicates = new DuplicateCounter(database);
  const sums = new Sums(database);
  const days = new Days(database);
  const extremes = new Extremes(database);
  const statements = prepareStatements(database);
  const live = new LiveStarts(database, names, sums);
  const { startOf } = live;
  const log = new ChangeLog(database, names, sums, startOf);
  const recounter = new Recounter(database, names, rawEvents, log);
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
      live.load();
      log.undo();
      if (isDiskFull(error)) throw new TemporaryStorageError('the disk is full; free some space', { cause: error });
      throw error;
    }
  };

  const changes = new Changes(startOf);

  const storeBatch = (batch: Batch, endOf: EndOfEvent): Stored => {
    changes.clear();
    const { rows, repeats } = rowsOf(batch.events, names);
    const fresh = rawEvents.insert(rows);
    duplicates.count(rows, fresh, repeats);
    for (const row of fresh) {
      const [timestampMs, effect] = [timestampOf(row), names.effects[row[8]] as Effect];
      changes.add({ atMs: timestampMs, direction: row[3] }, effect);
      const source = { kind: 'event', number: row[1], recordedAtMs: timestampMs + row[6] } as const;
      log.crossing(timestampMs, row[3], effect, 1, source, endOf);
    }
    changes.write(statements.changes);
    log.write();
    storeQuarantine(statements, batch);
    heard.take(batch.heard);
    statements.setPosition.run(batch.partition, batch.position);
    return storedOf(fresh.map((row) => (names.effects[row[8]] as Effect).status));
  };

  const storeFacts = (taken: TakenFacts): void => {
    for (const fact of taken.facts) recounter.open(fact);
    shiftResets(taken.partition, taken);
    statements.setPosition.run(taken.partition, taken.position);
    statements.setFactNumber.run(taken.factNumber, taken.partition);
  };

  const shiftResets = (partition: number, { dueMs, shifts, starts }: ResetMove): void => {
    for (const shift of shifts) log.shift(shift);
    log.write();
    for (const start of starts) live.move(start);
    statements.setDue.run(partition, dueMs);
  };

  const recountPiece = (endOf: EndOfEvent): void => {
    changes.clear();
    recounter.advance(changes, endOf);
    changes.write(statements.changes);
    log.write();
  };

  return {
    progress: async (partition) => {
      const progress = progressOf(statements, partition);
      return { ...progress, recounting: recounter.oldest(), begunUpTo: progress.position };
    },
    commit: async (batch, endOf) => commit(() => storeBatch(batch, endOf)),
    takeFacts: async (taken) => commit(() => storeFacts(taken)),
    moveResets: async (partition, move) => commit(() => shiftResets(partition, move)),
    recountSome: async (endOf) => {
      if (recounter.oldest() !== null) commit(() => recountPiece(endOf));
      return recounter.oldest();
    },
    tidy: async (beforeMs) => commit(() => extremes.workOutOneHour(beforeMs) || days.workOutOneDay(beforeMs)),
    audit: (truth, options) => audit(database, names, startOf, truth, options),
    close: async () => database.close(),
  };
}

function progressOf(statements: Statements, partition: number): Omit<Progress, 'recounting' | 'begunUpTo'> {
  const row = statements.progress.get(partition);
  const second = statements.oldest.get()?.['second'];
  return {
    position: Number(row?.['position'] ?? 0),
    factNumber: Number(row?.['fact_number'] ?? 0),
    dueMs: Number(statements.due.get(partition)?.['at'] ?? 0),
    oldestMs: second === undefined ? null : Number(second) * SECOND_MS,
  };
}

function storeQuarantine(statements: Statements, { quarantined, replayed }: Batch): void {
  for (const { id, topic, dpuId, reason, receivedAtMs, recordedAtMs, payload, detail } of quarantined) {
    statements.quarantine.run(id, topic, dpuId, reason, receivedAtMs, recordedAtMs, payload, detail);
  }
  for (const id of replayed) statements.replayed.run(id);
}

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(database: DatabaseSync) {
  return {
    changes: prepareChanges(database),
    progress: database.prepare('SELECT position, fact_number FROM progress WHERE partition = ?'),
    setPosition: database.prepare(`INSERT INTO progress VALUES (?1, ?2, 0) ON CONFLICT DO UPDATE SET position = ?2`),
    setFactNumber: database.prepare('UPDATE progress SET fact_number = ? WHERE partition = ?'),
    oldest: database.prepare('SELECT second FROM event ORDER BY second LIMIT 1'),
    due: database.prepare('SELECT at FROM due WHERE partition = ?'),
    setDue: database.prepare('INSERT OR REPLACE INTO due VALUES (?, ?)'),
    quarantine: database.prepare(
      `INSERT OR IGNORE INTO quarantine (id, topic, dpu_id, reason, received_at, recorded_at, payload, detail)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    replayed: database.prepare('DELETE FROM quarantine WHERE id = ?'),
  };
}
