// Gathers what broker workers have stored in partitions of their own into partition 0, which the processor reads.
//
//   worker ──append──▶ journal-<slot>.sqlite ──read──▶ gatherer ──▶ journal-0.sqlite (entries and cursor: one transaction)
//                                └──── trimmed by the worker up to that cursor ◀────────────┘
//
// Facts stand in partition 0 before a worker learns of them, so what it accepted by them comes after them there too.
import { readdirSync } from 'node:fs';
import type { Entry } from '../journal.ts';
import { openDatabase, openForReading } from './database.ts';
import type { JournalAppender } from './journal-appender.ts';
import { entryOf, journalPath } from './journal-file.ts';

/** Between looks at the workers' partitions after one that found something, and after one that did not. */
const BUSY_MS = 5;
const IDLE_MS = 20;
/** Taken from a partition at once. */
const GATHER_BYTES_MAX = 4 * 1024 * 1024;

export type Gatherer = {
  /** Resolves when everything that workers had stored at the time of the call stands in partition 0. */
  gathered(): Promise<void>;
  close(): void;
};

type Source = { gather(): boolean; newest(): number; readonly position: number; close(): void };

/** Of the partitions of `workers` running workers, and of those that an earlier run with more of them has left behind. */
export function openGatherer(dataDir: string, workers: number, appender: JournalAppender): Gatherer {
  const running = Array.from({ length: workers }, (_, index) => index + 1);
  const left = leftPartitions(dataDir).filter((slot) => slot > workers);
  const sources = new Map([...running, ...left].map((slot) => [slot, openSource(dataDir, slot, appender)]));
  let waiting: { readonly upTo: Map<Source, number>; readonly resolve: () => void }[] = [];
  let timer: NodeJS.Timeout | undefined;

  const round = (): void => {
    let found = false;
    for (const source of sources.values()) found = source.gather() || found;
    waiting = waiting.filter(({ upTo, resolve }) => {
      const isDone = [...upTo].every(([source, position]) => source.position >= position);
      if (isDone) resolve();
      return !isDone;
    });
    if (!found) left.splice(0).forEach(leave);
    timer = sources.size === 0 ? undefined : setTimeout(round, found ? BUSY_MS : IDLE_MS);
  };
  /** Nobody appends to it: what has been gathered goes now, and it need not be looked at again. */
  const leave = (slot: number): void => {
    const source = sources.get(slot);
    if (source === undefined || source.position < source.newest()) return void left.push(slot);
    source.close();
    sources.delete(slot);
    const database = openDatabase(journalPath(dataDir, slot), { schema: 'journal.sql' });
    database.prepare('DELETE FROM entry WHERE position < (SELECT max(position) FROM entry)').run();
    database.close();
  };
  round();
  return {
    gathered: () =>
      new Promise((resolve) => {
        const upTo = new Map([...sources.values()].map((source) => [source, source.newest()]));
        waiting.push({ upTo, resolve });
        clearTimeout(timer);
        round();
      }),
    close: () => {
      clearTimeout(timer);
      for (const source of sources.values()) source.close();
    },
  };
}

function leftPartitions(dataDir: string): number[] {
  return readdirSync(dataDir)
    .map((file) => Number(/^journal-([1-9]\d*)\.sqlite$/.exec(file)?.[1] ?? 0))
    .filter((slot) => slot > 0);
}

function openSource(dataDir: string, slot: number, appender: JournalAppender): Source {
  const database = openForReading(journalPath(dataDir, slot), { schema: 'journal.sql' });
  const select = database.prepare(
    'SELECT position, recorded_at, appender, seq, bytes FROM entry WHERE position > ? ORDER BY position',
  );
  const measure = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'entry'");
  const newest = () => Number(measure.get()?.['seq'] ?? 0);
  let position = appender.takenOver(slot);
  if (newest() < position) {
    // The file is another one: its entries are numbered from 1 again.
    appender.forget(slot);
    position = 0;
  }
  const next = (): Entry[] => {
    const entries: Entry[] = [];
    let bytes = 0;
    for (const row of select.iterate(position)) {
      const entry = entryOf(row);
      entries.push(entry);
      bytes += entry.bytes.length;
      if (bytes >= GATHER_BYTES_MAX) break;
    }
    return entries;
  };
  return {
    gather: () => {
      const entries = next();
      const last = entries.at(-1);
      if (last === undefined || !appender.takeOver(slot, entries)) return false;
      position = last.position;
      return true;
    },
    newest,
    get position() {
      return position;
    },
    close: () => database.close(),
  };
}

/** Calls `onGathered` now and then with the position up to which the partition of `slot` has been gathered. */
export function followGathered(dataDir: string, slot: number, onGathered: (position: number) => void): () => void {
  const database = openForReading(journalPath(dataDir, 0), { schema: 'journal.sql' });
  const select = database.prepare('SELECT position FROM gathered WHERE slot = ?');
  const timer = setInterval(() => onGathered(Number(select.get(slot)?.['position'] ?? 0)), FOLLOW_MS).unref();
  return () => {
    clearInterval(timer);
    database.close();
  };
}

/** What a worker keeps longer than needed: some megabytes under full load. */
const FOLLOW_MS = 500;
