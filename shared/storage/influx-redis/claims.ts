// Claims on Redis: a channel, whose order is the same for all who listen.
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Claims } from '../../claims.ts';
import { CLAIMS_CHANNEL } from './keys.ts';

type Message = { readonly by: string; readonly batch: number; readonly clientIds: readonly string[] };

/** `close` leaves `redis` open: whoever made the connection closes it. */
export function openRedisClaims(redis: Redis): Claims & { close(): void } {
  const by = randomBytes(8).toString('hex');
  /** Claims made here that have not come back. */
  const underWay = new Map<number, readonly string[]>();
  let batches = 0;
  let onClaimed: Parameters<Claims['follow']>[0] = () => undefined;
  let subscriber: Redis | null = null;

  const comesBack = (batch: number): void => {
    const clientIds = underWay.get(batch);
    underWay.delete(batch);
    if (clientIds !== undefined) onClaimed(clientIds, true);
  };
  return {
    claim: (clientIds) => {
      batches += 1;
      const batch = batches;
      underWay.set(batch, clientIds);
      const message: Message = { by, batch, clientIds };
      // Nobody else was told either: then it stands at once.
      redis.publish(CLAIMS_CHANNEL, JSON.stringify(message)).catch(() => comesBack(batch));
    },
    follow: (callback) => {
      onClaimed = callback;
      subscriber = redis.duplicate({ enableOfflineQueue: true, maxRetriesPerRequest: null, lazyConnect: false });
      subscriber.on('error', () => undefined);
      // What was under way may never be heard of again.
      subscriber.on('close', () => [...underWay.keys()].forEach(comesBack));
      subscriber.on('message', (_channel, text) => {
        const message = JSON.parse(text) as Message;
        if (message.by === by) comesBack(message.batch);
        else onClaimed(message.clientIds, false);
      });
      // It subscribes again by itself whenever the connection has been away.
      subscriber.subscribe(CLAIMS_CHANNEL).catch(() => undefined);
    },
    close: () => subscriber?.disconnect(),
  };
}
