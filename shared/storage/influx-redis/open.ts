// Redis and InfluxDB for the services that append and ask.
import { Atlas } from '../../atlas.ts';
import { type Clock, systemClock } from '../../clock.ts';
import type { ProcessorConfig, Storage } from '../open.ts';
import { openRedisAuditTrail } from './audit-trail.ts';
import { openChangeReader } from './change-reader.ts';
import { openRedisClaims } from './claims.ts';
import { openRedisCommands } from './commands.ts';
import { connect } from './connect.ts';
import { openRedisConnections } from './connections.ts';
import { openControl } from './control.ts';
import { openRedisCredentials } from './credentials.ts';
import { openRedisFloorplan } from './floorplan.ts';
import { openHistoryReader } from './history-reader.ts';
import { openRedisJournal } from './journal.ts';
import { openLiveReader } from './live-reader.ts';
import { openQuarantinePages } from './quarantine-pages.ts';
import { openRecountReader } from './recount-reader.ts';
import { openRedisWebhooks } from './webhooks.ts';

/** Somebody waits for the answer: better told that history is away. */
const QUERY_TIMEOUT_MS = 8_000;

export async function openInfluxRedis(
  config: Omit<ProcessorConfig, 'logLevel'>,
  clock: Clock = systemClock,
): Promise<Storage> {
  const { redis, influx, close } = await connect(config, { queryTimeoutMs: QUERY_TIMEOUT_MS });
  const { partitions } = config;
  const journal = openRedisJournal(redis, { partitions, clock });
  const floorplan = openRedisFloorplan(redis, clock);
  const claims = openRedisClaims(redis);
  const commands = openRedisCommands(redis);
  // Which events count, and where, is what the facts say by now.
  const atlas = new Atlas();
  const currentAtlas = async (): Promise<Atlas> => {
    for (;;) {
      const facts = await floorplan.read(atlas.plan.factNumber);
      if (facts.length === 0) return atlas;
      for (const fact of facts) atlas.apply(fact);
    }
  };
  const history = openHistoryReader({ influx, redis, partitions, currentAtlas });
  return {
    journal: { durability: 'fsync', partitions, append: journal.append, gathered: async () => undefined },
    floorplan,
    history: {
      ...history,
      ...openLiveReader(redis, partitions),
      ...openQuarantinePages(redis, partitions),
      ...openChangeReader(redis, partitions),
      ...openRecountReader(redis, partitions),
    },
    audit: openRedisAuditTrail(redis),
    credentials: openRedisCredentials(redis),
    connections: openRedisConnections(redis),
    webhooks: openRedisWebhooks(redis, clock),
    commands,
    claims,
    servers: { redis: async () => void (await redis.ping()), influxdb: influx.ping },
    processors: openControl(redis, journal, partitions, clock),
    close: async () => {
      claims.close();
      await commands.close();
      await history.close();
      await journal.close();
      await floorplan.close();
      await close();
    },
  };
}
