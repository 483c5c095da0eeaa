// The back-ends of what is kept of the fleet, each opened by two processes at once, for the contract tests.

import type { CommandStore } from '../../shared/storage/commands.ts';
import type { ConnectionStore } from '../../shared/storage/connections.ts';
import { openRedisCommands } from '../../shared/storage/influx-redis/commands.ts';
import { openRedisConnections } from '../../shared/storage/influx-redis/connections.ts';
import { connectRedis } from '../../shared/storage/influx-redis/redis.ts';
import { type CommandTable, openCommandTable } from '../../shared/storage/sqlite/commands.ts';
import { openConnections, openFleetDatabase } from '../../shared/storage/sqlite/connections.ts';
import { type Server, startRedis, whyNoRedis } from './servers.ts';
import { removeDir, temporaryDir } from './temporary-dir.ts';

/** Of two processes on one empty store. */
export type FleetStores = {
  readonly connections: readonly [ConnectionStore, ConnectionStore];
  readonly commands: readonly [CommandTable, CommandTable];
  close(): Promise<void>;
};

export type FleetBackend = {
  readonly name: string;
  /** Why it cannot be tested here; null: it can. */
  readonly missing: string | null;
  begin(): Promise<void>;
  end(): Promise<void>;
  open(): Promise<FleetStores>;
};

let redis: Server | undefined;

export const FLEET_BACKENDS: readonly FleetBackend[] = [
  {
    name: 'sqlite',
    missing: null,
    begin: async () => undefined,
    end: async () => undefined,
    open: async () => {
      const folder = temporaryDir();
      const [one, other] = [openFleetDatabase(folder), openFleetDatabase(folder)];
      return {
        connections: [openConnections(one), openConnections(other)],
        commands: [openCommandTable(one), openCommandTable(other)],
        close: async () => {
          one.close();
          other.close();
          removeDir(folder);
        },
      };
    },
  },
  {
    name: 'redis',
    missing: whyNoRedis(),
    begin: async () => {
      redis = await startRedis();
    },
    end: async () => redis?.[Symbol.asyncDispose](),
    open: async () => {
      const { url } = redis as Server;
      const [one, other] = [await connectRedis(url), await connectRedis(url)];
      await one.flushall();
      const commands: [CommandStore, CommandStore] = [openRedisCommands(one), openRedisCommands(other)];
      return {
        connections: [openRedisConnections(one), openRedisConnections(other)],
        commands,
        close: async () => {
          one.disconnect();
          other.disconnect();
        },
      };
    },
  },
];
