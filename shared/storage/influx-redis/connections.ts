// The connections of DPUs on Redis: what brokers tell, and the end of what a broker that has died had told.
import type { Redis } from 'ioredis';
import type { DpuId } from '../../ids.ts';
import {
  CONNECTION_CHANGES_MAX,
  type Connection,
  type ConnectionNews,
  type ConnectionStore,
  NEVER_CONNECTED,
  type RefusalNews,
} from '../connections.ts';
import { keys } from './keys.ts';
import { temporarily } from './redis.ts';
import { runScript } from './scripts.ts';

/** A teller that has told nothing for so long is dead; it tells every 2 s. */
const TELLER_LIVES_MS = 10_000;
/** News, or ends of connections, in one script: some 2 ms of Redis. */
const SCRIPT_CONNECTIONS_MAX = 500;

type Kept = readonly [online: 0 | 1, sinceMs: number, address: string, version: string, id: string, teller: string];

/** `redis` stays open: whoever made the connection closes it. */
export function openRedisConnections(redis: Redis): ConnectionStore {
  const begin = async (teller: string, atMs: number): Promise<void> => {
    const names = [keys.connections, keys.connectionChanges, keys.tellers, keys.connected(teller)];
    for (let left = 1; left > 0; ) {
      const args = [teller, atMs, SCRIPT_CONNECTIONS_MAX];
      left = Number(await temporarily(() => runScript(redis, 'connections-end', names, args)));
    }
  };
  /** Whoever looks finds out who is dead. */
  const endDead = async (): Promise<void> => {
    const [seconds, microseconds] = await temporarily(() => redis.time());
    const nowMs = Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
    const dead = await temporarily(() => redis.zrangebyscore(keys.tellers, '-inf', nowMs, 'WITHSCORES'));
    for (let at = 0; at < dead.length; at += 2) await begin(String(dead[at]), Number(dead[at + 1]) - TELLER_LIVES_MS);
  };
  const tell = async (teller: string, news: readonly ConnectionNews[], refusals: readonly RefusalNews[]) => {
    const names = [keys.connections, keys.connectionChanges, keys.tellers, keys.connected(teller), keys.refusals];
    const args = [teller, TELLER_LIVES_MS, news.length];
    for (const { dpuId, connectionId, online, atMs, address, mqttVersion } of news) {
      const kept: Kept = [online ? 1 : 0, atMs, address, mqttVersion, connectionId, teller];
      args.push(dpuId, kept[0], connectionId, JSON.stringify(kept));
    }
    for (const { dpuId, reason, times } of refusals) args.push(dpuId, reason, times);
    return Number(await temporarily(() => runScript(redis, 'connections-tell', names, args))) === 1;
  };
  return {
    begin,
    tell: async (teller, news, refusals) => {
      let isKnown = true;
      for (let at = 0; at === 0 || at < Math.max(news.length, refusals.length); at += SCRIPT_CONNECTIONS_MAX) {
        const until = at + SCRIPT_CONNECTIONS_MAX;
        isKnown = (await tell(teller, news.slice(at, until), refusals.slice(at, until))) && isKnown;
      }
      // It is told that it was taken for dead whatever becomes of the others.
      await endDead().catch(() => undefined);
      return isKnown;
    },
    find: async (dpuIds) => {
      if (dpuIds.length === 0) return [];
      await endDead();
      const [connections, refusals] = await temporarily(() =>
        Promise.all([redis.hmget(keys.connections, ...dpuIds), redis.hmget(keys.refusals, ...dpuIds)]),
      );
      return dpuIds.map((_, index) => connectionOf(connections[index] ?? null, refusals[index] ?? null));
    },
    newest: async () => {
      const [, revision] = await temporarily(() => redis.zrevrange(keys.connectionChanges, 0, 0, 'WITHSCORES'));
      return Number(revision ?? 0);
    },
    changes: async (after) => {
      await endDead();
      const range = [`(${after}`, '+inf', 'WITHSCORES', 'LIMIT', 0, CONNECTION_CHANGES_MAX] as const;
      const pairs = await temporarily(() => redis.zrangebyscore(keys.connectionChanges, ...range));
      const dpuIds = pairs.filter((_, index) => index % 2 === 0) as DpuId[];
      return { revision: Number(pairs.at(-1) ?? after), dpuIds };
    },
    close: async () => undefined,
  };
}

function connectionOf(text: string | null, refused: string | null): Connection {
  const refusals = refused === null ? {} : (JSON.parse(refused) as Record<string, number>);
  if (text === null) return { ...NEVER_CONNECTED, refusals };
  const [online, sinceMs, address, mqttVersion] = JSON.parse(text) as Kept;
  return { online: online === 1, sinceMs, address, mqttVersion, refusals };
}
