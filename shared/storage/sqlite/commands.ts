// Commands for DPUs on SQLite, a table of the fleet database.
import { readFileSync } from 'node:fs';
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { DpuId } from '../../ids.ts';
import { COMMANDS_DONE_KEPT, COMMANDS_WAITING_MAX, type Command, type CommandStore } from '../commands.ts';
import { stored } from './connections.ts';

const SCHEMA = readFileSync(new URL('command.sql', import.meta.url), 'utf8');

/** All but telling those who follow, which whoever holds the threads does. `database` stays open. */
export type CommandTable = Omit<CommandStore, 'follow' | 'close'>;

export function openCommandTable(database: DatabaseSync): CommandTable {
  database.exec(SCHEMA);
  const insert = database.prepare('INSERT INTO command VALUES (NULL, ?, ?, ?, ?, ?, NULL)');
  const select = database.prepare('SELECT * FROM command WHERE dpu = ? ORDER BY number');
  const one = database.prepare('SELECT * FROM command WHERE dpu = ? AND id = ?');
  const waiting = database.prepare(
    'SELECT count(*) AS waiting FROM command WHERE dpu = ? AND delivered_at IS NULL AND expires_at > ?',
  );
  const forget = database.prepare(
    `DELETE FROM command WHERE number IN (SELECT number FROM command
       WHERE dpu = ?1 AND (delivered_at IS NOT NULL OR expires_at <= ?2)
       ORDER BY number DESC LIMIT -1 OFFSET ${COMMANDS_DONE_KEPT})`,
  );
  const deliver = database.prepare(
    'UPDATE command SET delivered_at = ? WHERE dpu = ? AND id = ? AND delivered_at IS NULL',
  );
  const remove = database.prepare('DELETE FROM command WHERE dpu = ? AND id = ?');
  const newest = database.prepare("SELECT coalesce(max(seq), 0) AS number FROM sqlite_sequence WHERE name = 'command'");
  const since = database.prepare('SELECT DISTINCT dpu FROM command WHERE number > ?');
  return {
    queue: async ({ id, dpuId, payload, queuedAtMs, expiresAtMs }) =>
      stored(database, () => {
        if (Number(waiting.get(dpuId, queuedAtMs)?.['waiting']) >= COMMANDS_WAITING_MAX) return false;
        insert.run(dpuId, id, payload, queuedAtMs, expiresAtMs);
        forget.run(dpuId, queuedAtMs);
        return true;
      }),
    list: async (dpuId) => select.all(dpuId).map(commandOf),
    delivered: async (dpuId, id, atMs) => stored(database, () => void deliver.run(atMs, dpuId, id)),
    withdraw: async (dpuId, id) =>
      stored(database, () => {
        const row = one.get(dpuId, id);
        if (row === undefined) return null;
        const command = commandOf(row);
        if (command.deliveredAtMs === null) remove.run(dpuId, id);
        return command;
      }),
    since: async (after) => {
      const number = Number(newest.get()?.['number']);
      const rows = after === null || after >= number ? [] : since.all(after);
      return { number, dpuIds: rows.map((row) => String(row['dpu']) as DpuId) };
    },
  };
}

function commandOf(row: Record<string, SQLOutputValue>): Command {
  return {
    id: String(row['id']),
    dpuId: String(row['dpu']) as DpuId,
    payload: String(row['payload']),
    queuedAtMs: Number(row['queued_at']),
    expiresAtMs: Number(row['expires_at']),
    deliveredAtMs: row['delivered_at'] === null ? null : Number(row['delivered_at']),
  };
}
