// What every process of a fleet connects to: Redis with settings that keep the promises, and InfluxDB with its buckets.
import type { Redis } from 'ioredis';
import { TemporaryStorageError } from '../../errors.ts';
import type { ProcessorConfig } from '../open.ts';
import { type Influx, openInflux } from './influx.ts';
import { keys } from './keys.ts';
import { connectRedis } from './redis.ts';
import { checkSettings } from './redis-settings.ts';

export type Connections = { readonly redis: Redis; readonly influx: Influx; close(): Promise<void> };

/** Connects; throws, saying what to do, when Redis is away, unsafe, or holds another number of partitions. */
export async function connect(
  config: Omit<ProcessorConfig, 'logLevel'>,
  options: { readonly queryTimeoutMs?: number } = {},
): Promise<Connections> {
  const redis = await connectRedis(config.redisUrl);
  try {
    const faults = config.redisUnsafe ? [] : await checkSettings(redis);
    if (faults.length > 0) {
      const all = faults.map((fault) => `  ${fault}`).join('\n');
      throw new Error(
        `this Redis may lose what was acknowledged:\n${all}\n  (FOOTFALL_REDIS_UNSAFE=true starts all the same)`,
      );
    }
    await checkPartitions(redis, config.partitions);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  const influx = openInflux({ ...config.influx, ...options });
  // Away for now: what needs it tries again, and what does not goes on.
  await influx.ensureBuckets().catch((error: Error) => {
    if (!(error instanceof TemporaryStorageError)) throw error;
  });
  return {
    redis,
    influx,
    close: async () => {
      await influx.close();
      redis.disconnect();
    },
  };
}

/** A DPU's events must all go one way, so the number of partitions is fixed by the first process that ever connects. */
async function checkPartitions(redis: Redis, partitions: number): Promise<void> {
  await redis.setnx(keys.partitions, partitions);
  const kept = Number(await redis.get(keys.partitions));
  if (kept === partitions) return;
  throw new Error(`this Redis holds ${kept} partitions; set FOOTFALL_PARTITIONS=${kept}, or copy into another Redis`);
}
