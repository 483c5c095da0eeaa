// What every webhook store promises, on each back-end.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../shared/clock.ts';
import type { SpaceId } from '../../shared/ids.ts';
import { FencedError } from '../../shared/storage/fenced.ts';
import { connectRedis } from '../../shared/storage/influx-redis/redis.ts';
import { openRedisWebhooks } from '../../shared/storage/influx-redis/webhooks.ts';
import { openWebhooks } from '../../shared/storage/sqlite/webhooks.ts';
import { DELIVERIES_KEPT, type WebhookStore, type WebhookTurn } from '../../shared/storage/webhooks.ts';
import { newMessage, newWebhookId, newWebhookSecret, type Webhook } from '../../shared/webhook.ts';
import { type Server, startRedis, whyNoRedis } from '../support/servers.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

type Open = { readonly store: WebhookStore; readonly epoch: number; close(): Promise<void> };
type Backend = {
  readonly name: string;
  /** Why it cannot be tested here; null: it can. */
  readonly missing: string | null;
  begin(): Promise<void>;
  end(): Promise<void>;
  /** Opens the one store there is, again and again. */
  open(): Promise<Open>;
};

let redis: Server;
let folder: string;

/** The turn is kept until the test's process ends. */
let turn: WebhookTurn | undefined;

const BACKENDS: Backend[] = [
  {
    name: 'sqlite',
    missing: null,
    begin: async () => {
      folder = temporaryDir();
    },
    end: async () => undefined,
    open: async () => {
      const store = openWebhooks(folder);
      return { store, epoch: 0, close: store.close };
    },
  },
  {
    name: 'redis',
    missing: whyNoRedis(),
    begin: async () => {
      redis = await startRedis();
    },
    end: async () => redis[Symbol.asyncDispose](),
    open: async () => {
      const connection = await connectRedis(redis.url);
      const store = openRedisWebhooks(connection, systemClock);
      if (turn === undefined) {
        const giveUp = await store.take((given) => {
          turn = given;
        });
        // Gone without a word: nobody else takes it in the meantime.
        void giveUp;
      }
      return {
        store,
        epoch: (turn as WebhookTurn | undefined)?.epoch ?? 0,
        close: async () => connection.disconnect(),
      };
    },
  },
];

const NOW_MS = Date.UTC(2026, 2, 2, 9);
const PROGRESS = { cursor: '1', revision: 0, factNumber: 0, ahead: [], crossed: [], disabled: null };

function webhookOf(over: Partial<Webhook> = {}): Webhook {
  return {
    id: newWebhookId(),
    name: 'a name',
    url: 'https://dashboard.example/',
    types: ['count'],
    spaceIds: ['A' as SpaceId],
    thresholds: [{ spaceId: null, of: 'capacity', above: 0.9, below: 0.8 }],
    isEnabled: true,
    secrets: [{ text: newWebhookSecret(), untilMs: null }],
    rootSpaceId: null,
    createdAtMs: NOW_MS,
    createdBy: null,
    revision: 1,
    ...over,
  };
}

const message = (text: string) => newMessage('webhook.test', '2026-03-02T09:00:00.000Z', { text });

describe.each(BACKENDS)('$name', ({ missing, begin, end, open }) => {
  const run = test.skipIf(missing !== null);
  beforeAll(() => (missing === null ? begin() : undefined));
  afterAll(() => (missing === null ? end() : undefined));

  run('a webhook is there until it is removed, with all that was kept of it', async () => {
    const first = await open();
    const [one, other] = [webhookOf({ createdAtMs: NOW_MS + 1 }), webhookOf()];
    for (const webhook of [one, other]) await first.store.putWebhook(webhook.id, { webhook, progress: PROGRESS });
    await first.store.addDeliveries(one.id, [message('x')], NOW_MS, null);
    await first.close();
    const { store, close } = await open();
    expect(await store.webhooks()).toEqual([
      { webhook: other, progress: PROGRESS, waiting: 0 },
      { webhook: one, progress: PROGRESS, waiting: 1 },
    ]);
    // Progress belongs to whoever delivers: who changes the webhook may have read an older one.
    const changed = { ...one, name: 'another' };
    await store.putWebhook(one.id, { webhook: changed, progress: { ...PROGRESS, cursor: '0' } });
    expect((await store.webhooks())[1]).toEqual({ webhook: changed, progress: PROGRESS, waiting: 1 });
    for (const { id } of [one, other]) await store.putWebhook(id, null);
    expect([await store.webhooks(), await store.deliveries(one.id)]).toEqual([[], []]);
    expect(await store.addDeliveries(one.id, [message('y')], NOW_MS, null)).toBe(0);
    expect(await store.deliveries(one.id)).toEqual([]);
    await close();
  });

  run('messages are numbered and wait in order, with the progress that they were made with', async () => {
    const { store, epoch, close } = await open();
    const webhook = webhookOf();
    const { id } = webhook;
    await store.putWebhook(id, { webhook, progress: PROGRESS });
    const messages = ['a', 'b', 'c'].map(message);
    const moved = { ...PROGRESS, cursor: '2' };
    expect(await store.addDeliveries(id, messages, NOW_MS, { epoch, progress: moved })).toBe(3);
    expect(await store.addDeliveries(id, [message('d')], NOW_MS, null)).toBe(4);
    expect((await store.webhooks())[0]).toEqual({ webhook, progress: moved, waiting: 4 });
    expect((await store.deliveries(id)).map(({ number }) => number)).toEqual([4, 3, 2, 1]);
    const next = await store.delivery(id, 'next');
    expect(next).toMatchObject({ delivery: { number: 1, isDelivered: false, attempts: 0 }, body: messages[0]?.body });
    const { delivery } = next as NonNullable<typeof next>;
    const failed = { ...delivery, attempts: 1, failures: 1, failingSinceMs: NOW_MS, error: 'no' };
    await store.putDelivery(id, failed, { epoch, progress: moved });
    expect((await store.delivery(id, 'next'))?.delivery).toEqual(failed);
    const done = { ...failed, isDelivered: true, nextAttemptAtMs: null };
    await store.putDelivery(id, done, { epoch, progress: { ...moved, cursor: '3' } });
    expect((await store.delivery(id, 'next'))?.delivery.number).toBe(2);
    expect((await store.delivery(id, 1))?.delivery).toEqual(done);
    expect((await store.webhooks())[0]).toMatchObject({ progress: { cursor: '3' }, waiting: 3 });
    expect(await store.delivery(id, 5)).toBe(null);
    await store.putWebhook(id, null);
    await close();
  });

  run('of those delivered the newest are kept; what waits is kept however old it is', async () => {
    const { store, epoch, close } = await open();
    const webhook = webhookOf();
    const { id } = webhook;
    await store.putWebhook(id, { webhook, progress: PROGRESS });
    const step = { epoch, progress: PROGRESS };
    await store.addDeliveries(id, [message('first'), message('second')], NOW_MS, step);
    const second = await store.delivery(id, 2);
    if (second === null) throw new Error('the second is gone');
    await store.putDelivery(id, { ...second.delivery, isDelivered: true }, step);
    await store.addDeliveries(
      id,
      Array.from({ length: DELIVERIES_KEPT }, () => message('more')),
      NOW_MS,
      step,
    );
    const kept = (await store.deliveries(id)).map(({ number }) => number);
    expect([kept.length, kept.at(-1), kept.at(-2)]).toEqual([DELIVERIES_KEPT + 1, 1, 3]);
    const first = await store.delivery(id, 'next');
    if (first === null) throw new Error('the first is gone');
    await store.putDelivery(id, { ...first.delivery, isDelivered: true }, step);
    expect((await store.deliveries(id)).at(-1)?.number).toBe(3);
    await store.putWebhook(id, null);
    await close();
  });

  run('of a webhook that is gone nothing is stored', async () => {
    const { store, epoch, close } = await open();
    const webhook = webhookOf();
    await store.putWebhook(webhook.id, { webhook, progress: PROGRESS });
    await store.addDeliveries(webhook.id, [message('x')], NOW_MS, { epoch, progress: PROGRESS });
    const next = await store.delivery(webhook.id, 'next');
    await store.putWebhook(webhook.id, null);
    if (next === null) throw new Error('nothing waits');
    await store.putDelivery(webhook.id, { ...next.delivery, isDelivered: true }, { epoch, progress: PROGRESS });
    expect([await store.webhooks(), await store.deliveries(webhook.id)]).toEqual([[], []]);
    await close();
  });
});

test.skipIf(whyNoRedis() !== null)('one process has the turn; who lost it stores nothing more', async () => {
  await using server = await startRedis();
  const turns: { readonly process: number; readonly turn: WebhookTurn }[] = [];
  const processes = await Promise.all(
    [0, 1].map(async (process) => {
      const connection = await connectRedis(server.url);
      const store = openRedisWebhooks(connection, systemClock);
      const giveUp = await store.take((turn) => turns.push({ process, turn }));
      return { store, giveUp, connection };
    }),
  );
  expect(turns.length).toBe(1);
  const [first] = turns as [(typeof turns)[0]];
  const { store, giveUp } = processes[first.process] as (typeof processes)[0];
  const webhook = webhookOf();
  await store.putWebhook(webhook.id, { webhook, progress: PROGRESS });
  const add = (epoch: number) => store.addDeliveries(webhook.id, [message('x')], NOW_MS, { epoch, progress: PROGRESS });
  expect(await add(first.turn.epoch)).toBe(1);
  await giveUp();
  expect(first.turn.lost.aborted).toBe(true);
  await expect.poll(() => turns.length, { timeout: 10_000 }).toBe(2);
  await expect(add(first.turn.epoch)).rejects.toThrow(FencedError);
  expect(await add((turns[1] as (typeof turns)[0]).turn.epoch)).toBe(2);
  for (const { giveUp: end, connection } of processes) {
    await end();
    connection.disconnect();
  }
});
