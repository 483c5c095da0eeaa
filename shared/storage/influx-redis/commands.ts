// Commands for DPUs on Redis: a hash of each DPU that was ever sent one, and a channel that tells when there are more.
import type { Redis } from 'ioredis';
import type { DpuId } from '../../ids.ts';
import { COMMANDS_DONE_KEPT, COMMANDS_WAITING_MAX, type Command, type CommandStore } from '../commands.ts';
import { COMMANDS_CHANNEL, keys } from './keys.ts';
import { temporarily } from './redis.ts';
import { runScript } from './scripts.ts';

/** A message on the channel may be missed while the connection is away, so followers look by themselves too. */
const FOLLOW_EVERY_MS = 1_000;

/** `redis` stays open: whoever made the connection closes it. */
export function openRedisCommands(redis: Redis): CommandStore {
  const closing: (() => void)[] = [];
  return {
    queue: async ({ id, dpuId, payload, queuedAtMs, expiresAtMs }) => {
      const names = [keys.commands(dpuId), keys.newestCommands, keys.commandNumber];
      const limits = [COMMANDS_WAITING_MAX, COMMANDS_DONE_KEPT];
      const args = [dpuId, id, queuedAtMs, expiresAtMs, payload, ...limits, COMMANDS_CHANNEL];
      return (await temporarily(() => runScript(redis, 'command-queue', names, args))) === 1;
    },
    list: async (dpuId) => {
      const all = Object.entries(await temporarily(() => redis.hgetall(keys.commands(dpuId))));
      const numbered = all.map(([id, text]) => commandOf(dpuId, id, text));
      return numbered.sort((one, other) => one.number - other.number).map(({ command }) => command);
    },
    delivered: async (dpuId, id, atMs) => {
      await temporarily(() => runScript(redis, 'command-delivered', [keys.commands(dpuId)], [id, atMs]));
    },
    withdraw: async (dpuId, id) => {
      const kept = await temporarily(() => runScript(redis, 'command-withdraw', [keys.commands(dpuId)], [id]));
      return kept === null ? null : commandOf(dpuId, id, String(kept)).command;
    },
    since: async (after) => {
      const number = Number((await temporarily(() => redis.get(keys.commandNumber))) ?? 0);
      if (after === null || number <= after) return { number, dpuIds: [] };
      const dpuIds = await temporarily(() => redis.zrangebyscore(keys.newestCommands, `(${after}`, '+inf'));
      return { number, dpuIds: dpuIds as DpuId[] };
    },
    follow: async (onQueued) => {
      const subscriber = redis.duplicate({ enableOfflineQueue: true, maxRetriesPerRequest: null });
      subscriber.on('error', () => undefined);
      subscriber.on('message', onQueued);
      // It subscribes again by itself whenever the connection has been away.
      subscriber.subscribe(COMMANDS_CHANNEL).catch(() => undefined);
      const timer = setInterval(onQueued, FOLLOW_EVERY_MS).unref();
      closing.push(() => {
        clearInterval(timer);
        subscriber.disconnect();
      });
    },
    close: async () => {
      for (const close of closing.splice(0)) close();
    },
  };
}

function commandOf(dpuId: DpuId, id: string, text: string): { number: number; command: Command } {
  const [, number, queuedAt, expiresAt, deliveredAt, payload] = /^(\d+)\|(\d+)\|(\d+)\|(\d+)\|(.*)$/s.exec(text) ?? [];
  const deliveredAtMs = deliveredAt === '0' ? null : Number(deliveredAt);
  const times = { queuedAtMs: Number(queuedAt), expiresAtMs: Number(expiresAt), deliveredAtMs };
  return { number: Number(number), command: { id, dpuId, payload: payload ?? '', ...times } };
}
