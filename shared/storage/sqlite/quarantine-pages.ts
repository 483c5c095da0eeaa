// Pages of the quarantine, newest first.
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { QuarantineReason } from '../../event.ts';
import type { DpuId } from '../../ids.ts';
import type { QuarantineItem, QuarantineQuery } from '../quarantine.ts';

export class QuarantinePages {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Call within one transaction. */
  page(query: QuarantineQuery): { total: number; next: string | null; results: QuarantineItem[] } {
    const where = ['1'];
    const values: SQLInputValue[] = [];
    const add = (condition: string, value: SQLInputValue | undefined) => {
      if (value === undefined) return;
      where.push(condition);
      values.push(value);
    };
    add('id IN (SELECT value FROM json_each(?))', query.ids === undefined ? undefined : JSON.stringify(query.ids));
    add('reason = ?', query.reason);
    add('dpu_id = ?', query.dpuId);
    const count = this.#database.prepare(`SELECT count(*) AS total FROM quarantine WHERE ${where.join(' AND ')}`);
    const total = Number(count.get(...values)?.['total']);
    add('number < ?', query.cursor === undefined ? undefined : Number(query.cursor));
    const select = this.#database.prepare(
      `SELECT * FROM quarantine WHERE ${where.join(' AND ')} ORDER BY number DESC LIMIT ?`,
    );
    const rows = select.all(...values, query.limit + 1);
    const page = rows.slice(0, query.limit);
    const next = rows.length > query.limit ? String(page.at(-1)?.['number']) : null;
    return { total, next, results: page.map(itemOf) };
  }
}

function itemOf(row: Record<string, unknown>): QuarantineItem {
  return {
    id: String(row['id']),
    topic: row['topic'] === null ? null : String(row['topic']),
    dpuId: row['dpu_id'] === null ? null : (row['dpu_id'] as DpuId),
    reason: row['reason'] as QuarantineReason,
    receivedAtMs: Number(row['received_at']),
    payload: row['payload'] as Uint8Array,
    detail: String(row['detail']),
  };
}
