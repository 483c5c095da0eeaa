// The history database as everybody else reads it: each call on one state of it, beside the writer.
import type { SpaceId } from '../../ids.ts';
import type { ChangeReader } from '../changes.ts';
import type { HistoryReader, Sums as SumsOf } from '../history.ts';
import type { LiveCount, LiveReader } from '../live.ts';
import type { QuarantineReader } from '../quarantine.ts';
import type { RecountReader } from '../recounts.ts';
import { ChangePages } from './change-pages.ts';
import { openForReading, snapshot } from './database.ts';
import { DuplicateTable } from './duplicates.ts';
import { EventPages } from './event-pages.ts';
import { HeardTable } from './heard.ts';
import { historyPath } from './history-writer.ts';
import { LateLedger } from './late-ledger.ts';
import { Profiles } from './profiles.ts';
import { QuarantinePages } from './quarantine-pages.ts';
import { RecountTable } from './recount-table.ts';
import { netOf, Sums } from './sums.ts';

/** The page cache of the reader, KiB: holds the upper levels of the rollups. */
const CACHE_KIB = 16 * 1024;

const NOTHING: SumsOf = { entrances: 0, exits: 0 };

export type EmbeddedReader = HistoryReader & LiveReader & QuarantineReader & ChangeReader & RecountReader;

export function openHistoryReader(dataDir: string): EmbeddedReader {
  const database = openForReading(historyPath(dataDir), { schema: 'history.sql', cacheKib: CACHE_KIB });
  const sums = new Sums(database);
  const profiles = new Profiles(database);
  const events = new EventPages(database);
  const duplicates = new DuplicateTable(database);
  const heard = new HeardTable(database);
  const quarantine = new QuarantinePages(database);
  const changes = new ChangePages(database);
  const recounts = new RecountTable(database);
  const ledger = new LateLedger(database);
  const spaceNumber = database.prepare('SELECT number FROM space WHERE id = ?');
  const live = database.prepare(
    `SELECT start_at, since_entrances, since_exits, newest_at, revision
     FROM space JOIN live ON live.space = space.number WHERE space.id = ?`,
  );
  const numberOf = (spaceId: SpaceId): number | undefined => {
    const row = spaceNumber.get(spaceId);
    return row === undefined ? undefined : Number(row['number']);
  };
  const netWithin = (space: number, afterMs: number | null, untilMs: number): number =>
    netOf(sums.at(space, untilMs)) - (afterMs === null ? 0 : netOf(sums.at(space, afterMs)));
  return {
    net: async (spaceId, afterMs, untilMs) =>
      snapshot(database, () => {
        const space = numberOf(spaceId);
        return space === undefined ? 0 : netWithin(space, afterMs, untilMs);
      }),
    netKnownAt: async (spaceId, afterMs, untilMs, knownAtMs) =>
      snapshot(database, () => {
        const space = numberOf(spaceId);
        return space === undefined
          ? 0
          : netWithin(space, afterMs, untilMs) - ledger.netSince(space, afterMs, untilMs, knownAtMs);
      }),
    profiles: async (spaceId, spans) =>
      snapshot(database, () => {
        const space = numberOf(spaceId);
        if (space === undefined) return spans.map(() => ({ ...NOTHING, lowest: 0, highest: 0 }));
        return profiles.of(space, spans);
      }),
    events: async (query) => snapshot(database, () => events.page(query)),
    duplicates: async (span, dpuId) => snapshot(database, () => duplicates.in(span, dpuId)),
    counts: async (spaceIds) =>
      snapshot(database, () => spaceIds.map((spaceId) => liveCountOf(spaceId, live.get(spaceId)))),
    heard: async (dpuIds) => snapshot(database, () => dpuIds.map((dpuId) => heard.of(dpuId))),
    list: async (query) => snapshot(database, () => quarantine.page(query)),
    changes: async (cursor, spaceIds, limit) => snapshot(database, () => changes.page(cursor, spaceIds, limit)),
    newestChange: async () => changes.newest(),
    recounts: async (first, last) => snapshot(database, () => recounts.between(first, last)),
    openRecounts: async () => snapshot(database, () => recounts.open()),
    close: async () => database.close(),
  };
}

function liveCountOf(spaceId: SpaceId, row: Record<string, unknown> | undefined): LiveCount {
  if (row === undefined) return { spaceId, startAtMs: null, net: 0, newestMs: null, revision: 0 };
  return {
    spaceId,
    startAtMs: row['start_at'] === null ? null : Number(row['start_at']),
    net: Number(row['since_entrances']) - Number(row['since_exits']),
    newestMs: row['newest_at'] === null ? null : Number(row['newest_at']),
    revision: Number(row['revision']),
  };
}
