// The webhook store on Redis, and the lease by which one of several processes delivers.
import type { Redis } from 'ioredis';
import type { Clock } from '../../clock.ts';
import { type Delivery, newDelivery, type Webhook, type WebhookProgress } from '../../webhook.ts';
import { DELIVERIES_KEPT, type WebhookStore, type WebhookTurns } from '../webhooks.ts';
import { keys } from './keys.ts';
import { Leases } from './leases.ts';
import { temporarily } from './redis.ts';
import { runScript } from './scripts.ts';

/** Stands for who only adds a message, and delivers none. */
const NO_EPOCH = 0;

/** `redis` stays open: whoever made the connection closes it. */
export function openRedisWebhooks(redis: Redis, clock: Clock): WebhookStore & WebhookTurns {
  return { ...writes(redis), ...reads(redis), ...turns(redis, clock) };
}

function turns(redis: Redis, clock: Clock): WebhookTurns {
  return {
    take: async (onTurn) => {
      const names = { lease: () => keys.webhookLease, members: keys.webhookMembers };
      const leases = new Leases(redis, 1, clock, onTurn, names);
      await leases.start();
      return () => leases.close();
    },
  };
}

function reads(redis: Redis): Pick<WebhookStore, 'webhooks' | 'deliveries' | 'delivery'> {
  return {
    webhooks: () =>
      temporarily(async () => {
        const [documents, progress] = await Promise.all([
          redis.hgetall(keys.webhooks),
          redis.hgetall(keys.webhookProgress),
        ]);
        const records = Object.entries(documents).map(async ([id, document]) => ({
          webhook: JSON.parse(document) as Webhook,
          progress: JSON.parse(progress[id] ?? 'null') as WebhookProgress | null,
          waiting: await redis.zcard(keys.deliveriesWaiting(id)),
        }));
        // One that came or went between the two answers has no progress.
        const found = (await Promise.all(records)).flatMap(({ progress, ...rest }) =>
          progress === null ? [] : [{ ...rest, progress }],
        );
        const keyOf = ({ webhook }: { webhook: Webhook }) => webhook.createdAtMs;
        return found.sort((one, other) => keyOf(one) - keyOf(other) || (one.webhook.id < other.webhook.id ? -1 : 1));
      }),
    deliveries: async (id) => {
      const documents = await temporarily(() => redis.hgetall(keys.deliveries(id)));
      const deliveries = Object.entries(documents).map(([number, document]) => deliveryOf(number, document));
      return deliveries.sort((one, other) => other.number - one.number);
    },
    delivery: (id, asked) =>
      temporarily(async () => {
        const number = asked === 'next' ? (await redis.zrange(keys.deliveriesWaiting(id), '0', '0'))[0] : String(asked);
        if (number === undefined) return null;
        const [document, body] = await Promise.all([
          redis.hget(keys.deliveries(id), number),
          redis.hget(keys.deliveryBodies(id), number),
        ]);
        return document === null || body === null ? null : { delivery: deliveryOf(number, document), body };
      }),
  };
}

function writes(redis: Redis): Pick<WebhookStore, 'putWebhook' | 'addDeliveries' | 'putDelivery'> {
  const run = async (script: string, id: string, args: readonly (string | number)[]) => {
    const ofAll = [keys.webhooks, keys.webhookProgress, keys.webhookNewest];
    const ofOne = [keys.deliveries(id), keys.deliveryBodies(id), keys.deliveriesWaiting(id)];
    const names = script === 'webhook-put' ? [...ofAll, ...ofOne] : [...ofAll, ...ofOne, keys.webhookLease];
    return Number(await temporarily(() => runScript(redis, script, names, [id, ...args])));
  };
  return {
    putWebhook: async (id, put) => {
      const args = put === null ? ['', ''] : [JSON.stringify(put.webhook), JSON.stringify(put.progress)];
      await run('webhook-put', id, args);
    },
    addDeliveries: (id, messages, nowMs, step) => {
      const texts = messages.flatMap((message) => [JSON.stringify(newDelivery(0, message, nowMs)), message.body]);
      const moved = step === null ? [NO_EPOCH, ''] : [step.epoch, JSON.stringify(step.progress)];
      return run('webhook-add', id, [...moved, DELIVERIES_KEPT, ...texts]);
    },
    putDelivery: async (id, delivery, { epoch, progress }) => {
      const { number, isDelivered } = delivery;
      const texts = [JSON.stringify(progress), DELIVERIES_KEPT, number, JSON.stringify(delivery), isDelivered ? 1 : 0];
      await run('webhook-settle', id, [epoch, ...texts]);
    },
  };
}

/** The number that it was given is the name of its field. */
function deliveryOf(number: string, document: string): Delivery {
  return { ...(JSON.parse(document) as Delivery), number: Number(number) };
}
