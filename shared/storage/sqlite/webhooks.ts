// The webhook store on SQLite, tables of the floor plan database. One process has it, so nobody's turn ever ends.
import { readFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { TemporaryStorageError } from '../../errors.ts';
import { FatalError } from '../../thread.ts';
import { type Delivery, newDelivery, type Webhook, type WebhookProgress } from '../../webhook.ts';
import { DELIVERIES_KEPT, type WebhookStore } from '../webhooks.ts';
import { isDiskFailure, isDiskFull, openDatabase, transaction } from './database.ts';
import { floorplanPath } from './floorplan.ts';

/** Of the page cache. */
const CACHE_KIB = 256;

const SCHEMA = readFileSync(new URL('webhook.sql', import.meta.url), 'utf8');

export function openWebhooks(dataDir: string): WebhookStore & { close(): Promise<void> } {
  const database = openDatabase(floorplanPath(dataDir), { schema: 'floorplan.sql', cacheKib: CACHE_KIB });
  database.exec(SCHEMA);
  const delivering = openDatabase(floorplanPath(dataDir), { schema: 'floorplan.sql', cacheKib: CACHE_KIB });
  // No sync for each message, which the API would wait for: what the power takes away is made or sent again.
  delivering.exec('PRAGMA synchronous = NORMAL');
  const close = async () => {
    delivering.close();
    database.close();
  };
  const { putWebhook, addDeliveries } = writes(database);
  const steps = writes(delivering);
  return {
    ...reads(database),
    putWebhook,
    addDeliveries: (id, messages, nowMs, step) =>
      (step === null ? addDeliveries : steps.addDeliveries)(id, messages, nowMs, step),
    putDelivery: steps.putDelivery,
    close,
  };
}

type Reads = Pick<WebhookStore, 'webhooks' | 'deliveries' | 'delivery'>;

function reads(database: DatabaseSync): Reads {
  const all = database.prepare(
    `SELECT document, progress, (SELECT count(*) FROM webhook_delivery WHERE webhook_id = id AND is_delivered = 0) AS waiting
       FROM webhook ORDER BY created_at, id`,
  );
  const ofOne = database.prepare('SELECT document FROM webhook_delivery WHERE webhook_id = ? ORDER BY number DESC');
  const one = database.prepare('SELECT document, body FROM webhook_delivery WHERE webhook_id = ? AND number = ?');
  const next = database.prepare(
    'SELECT document, body FROM webhook_delivery WHERE webhook_id = ? AND is_delivered = 0 ORDER BY number LIMIT 1',
  );
  return {
    webhooks: async () =>
      all.all().map(({ document, progress, waiting }) => ({
        webhook: JSON.parse(String(document)) as Webhook,
        progress: JSON.parse(String(progress)) as WebhookProgress,
        waiting: Number(waiting),
      })),
    deliveries: async (id) => ofOne.all(id).map(({ document }) => JSON.parse(String(document)) as Delivery),
    delivery: async (id, number) => {
      const row = number === 'next' ? next.get(id) : one.get(id, number);
      if (row === undefined) return null;
      return { delivery: JSON.parse(String(row['document'])) as Delivery, body: String(row['body']) };
    },
  };
}

type Writes = Pick<WebhookStore, 'putWebhook' | 'addDeliveries' | 'putDelivery'>;

function writes(database: DatabaseSync): Writes {
  const upsert = database.prepare(
    `INSERT INTO webhook (id, created_at, document, progress, newest) VALUES (?, ?, ?, ?, 0)
       ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
  );
  const remove = database.prepare('DELETE FROM webhook WHERE id = ?');
  const removeDeliveries = database.prepare('DELETE FROM webhook_delivery WHERE webhook_id = ?');
  const newest = database.prepare('SELECT newest FROM webhook WHERE id = ?');
  const move = database.prepare('UPDATE webhook SET progress = ? WHERE id = ?');
  const count = database.prepare('UPDATE webhook SET newest = ? WHERE id = ?');
  const insert = database.prepare(
    'INSERT INTO webhook_delivery (webhook_id, number, is_delivered, document, body) VALUES (?, ?, 0, ?, ?)',
  );
  const settle = database.prepare(
    'UPDATE webhook_delivery SET is_delivered = ?, document = ? WHERE webhook_id = ? AND number = ?',
  );
  const trim = database.prepare(
    'DELETE FROM webhook_delivery WHERE webhook_id = ? AND number <= ? AND is_delivered = 1',
  );
  return {
    putWebhook: async (id, put) =>
      durably(database, () => {
        if (put === null) {
          remove.run(id);
          removeDeliveries.run(id);
        } else {
          const { webhook, progress } = put;
          upsert.run(id, webhook.createdAtMs, JSON.stringify(webhook), JSON.stringify(progress));
        }
      }),
    addDeliveries: async (id, messages, nowMs, step) =>
      durably(database, () => {
        const row = newest.get(id);
        if (row === undefined) return 0;
        let number = Number(row['newest']);
        for (const message of messages) {
          number += 1;
          insert.run(id, number, JSON.stringify(newDelivery(number, message, nowMs)), message.body);
        }
        count.run(number, id);
        trim.run(id, number - DELIVERIES_KEPT);
        if (step !== null) move.run(JSON.stringify(step.progress), id);
        return number;
      }),
    putDelivery: async (id, delivery, { progress }) =>
      durably(database, () => {
        settle.run(delivery.isDelivered ? 1 : 0, JSON.stringify(delivery), id, delivery.number);
        move.run(JSON.stringify(progress), id);
        trim.run(id, Number(newest.get(id)?.['newest'] ?? 0) - DELIVERIES_KEPT);
      }),
  };
}

function durably<Result>(database: DatabaseSync, work: () => Result): Result {
  try {
    return transaction(database, work);
  } catch (error) {
    if (isDiskFailure(error)) throw new FatalError(`the floor plan's disk failed: ${(error as Error).message}`);
    if (!isDiskFull(error)) throw error;
    throw new TemporaryStorageError('the disk of the webhooks is full', { cause: error });
  }
}
