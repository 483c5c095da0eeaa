// Pages of the change feed. A place in it is one number: that of a row of `change_log`, and how many of its changes were read.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { DpuId, SpaceId } from '../../ids.ts';
import { type PackedChange, unpackChanges } from '../change-packing.ts';
import type { ChangeCause, ChangesPage, CountChange } from '../changes.ts';
import { CHANGES_PER_ROW } from './change-log.ts';

/** A place is row * PLACES_PER_ROW + changes read of it. */
const PLACES_PER_ROW = 4096;
/** Changes looked at for one page, some 10 ms: more than any page has, so that only a filter leaves fewer than were asked for. */
const LOOKED_AT_MAX = 20_000;

if (CHANGES_PER_ROW >= PLACES_PER_ROW) throw new Error('a row holds more changes than it has places');

export class ChangePages {
  readonly #rows: StatementSync;
  readonly #newest: StatementSync;
  readonly #dpuOf: StatementSync;
  readonly #spaceOf: StatementSync;

  constructor(database: DatabaseSync) {
    this.#rows = database.prepare('SELECT number, entries FROM change_log WHERE number >= ? ORDER BY number');
    this.#newest = database.prepare('SELECT max(number) AS number FROM change_log');
    this.#dpuOf = database.prepare('SELECT id FROM dpu WHERE number = ?');
    this.#spaceOf = database.prepare('SELECT id FROM space WHERE number = ?');
  }

  /** The place after the newest change. */
  newest(): string {
    return String((Number(this.#newest.get()?.['number'] ?? 0) + 1) * PLACES_PER_ROW);
  }

  /** Call within one transaction. */
  page(cursor: string | null, spaceIds: readonly SpaceId[] | null, limit: number): ChangesPage | 'expired' | 'invalid' {
    if (cursor !== null && !/^\d{1,15}$/.test(cursor)) return 'invalid';
    const after = Number(cursor ?? 0);
    const newest = Number(this.newest());
    if (after > newest) return 'invalid';
    const wanted = spaceIds === null ? null : new Set(spaceIds);
    const ids = new Map<string, string>();
    const results: CountChange[] = [];
    let [place, lookedAt] = [after, 0];
    for (const { number, entries } of this.#rows.iterate(Math.floor(after / PLACES_PER_ROW))) {
      const row = Number(number);
      const skip = row === Math.floor(after / PLACES_PER_ROW) ? after % PLACES_PER_ROW : 0;
      const changes = unpackChanges(entries as Uint8Array);
      if (changes.length === 0 && skip === 0) return 'expired';
      for (let index = skip; index < changes.length; index++) {
        if (results.length === limit) return { results, next: String(place) };
        place = row * PLACES_PER_ROW + index + 1;
        const change = this.#changeOf(changes[index] as PackedChange, place, ids);
        if (wanted === null || wanted.has(change.spaceId)) results.push(change);
      }
      place = (row + 1) * PLACES_PER_ROW;
      lookedAt += changes.length;
      if (lookedAt >= LOOKED_AT_MAX) break;
    }
    return { results, next: String(place) };
  }

  #changeOf(packed: PackedChange, place: number, ids: Map<string, string>): CountChange {
    const { fromMs, untilMs, change, recordedAtMs, number } = packed;
    const idOf = (statement: StatementSync, kind: string, of: number): string => {
      const key = `${kind}${of}`;
      const id = ids.get(key) ?? String(statement.get(of)?.['id']);
      ids.set(key, id);
      return id;
    };
    const spaceId = idOf(this.#spaceOf, 'space', packed.space) as SpaceId;
    const cause = (): ChangeCause => {
      switch (packed.kind) {
        case 'event':
          return { kind: 'event', dpuId: idOf(this.#dpuOf, 'dpu', number) as DpuId };
        case 'recount':
          return { kind: 'recount', fact: number };
        case 'reset':
          return { kind: 'reset', fact: number };
        case 'daily_reset':
          return { kind: 'reset', fact: null };
      }
    };
    const at = { partition: 0, number: place, cursor: String(place) };
    return { spaceId, fromMs, untilMs, change, recordedAtMs, cause: cause(), ...at };
  }
}
