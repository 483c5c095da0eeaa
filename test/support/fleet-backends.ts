// The back-ends of what is kept of the fleet, each opened by two processes at once, for the contract tests.
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
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

type FleetBackend = {
  readonly name: string;
  /** Why it cannot be tested here; null: it can. */
  readonly missing: string | null;
  begin(): Promise<void>;
  end(): Promise<void>;
  open(): Promise<FleetStores>;
};

let redis: Server | undefined;

const FLEET_BACKENDS: readonly FleetBackend[] = [
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

/** `tests` on each back-end; what `open` gives, once a test, is closed after it. */
export function describeFleet(what: string, tests: (open: () => Promise<FleetStores>) => void): void {
  describe.each(FLEET_BACKENDS)(`${what} on $name`, ({ name, missing, begin, end, open }) => {
    if (missing !== null) {
      test.skip(`${name}: ${missing}`, () => undefined);
      return;
    }
    let opened: FleetStores;
    beforeAll(begin);
    afterEach(() => opened.close());
    afterAll(end);
    tests(async () => {
      opened = await open();
      return opened;
    });
  });
}
