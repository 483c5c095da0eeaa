// The servers as the doctor sees them: Redis and its settings, InfluxDB with its token and buckets, and their clocks.
import type { Redis } from 'ioredis';
import { type Check, failing, fine, warning } from '../../check.ts';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config.ts';
import { bucketsOf, openInfluxApi } from './influx-api.ts';
import { keys } from './keys.ts';
import { connectRedis } from './redis.ts';
import { checkSettings } from './redis-settings.ts';

/** Machines further apart than this give events a wrong `recorded_at`. */
const APART_MS_MAX = 1_000;

export async function inspect(config: Config, clock: Clock): Promise<Check[]> {
  return (await Promise.all([inspectRedis(config, clock), inspectInflux(config)])).flat();
}

async function inspectRedis({ redisUrl, partitions }: Config, clock: Clock): Promise<Check[]> {
  let redis: Redis;
  try {
    redis = await connectRedis(redisUrl);
  } catch (error) {
    return [failing('redis', (error as Error).message, 'start it, or set REDIS_URL to where it is')];
  }
  try {
    const faults = await checkSettings(redis);
    const settings = faults.map((fault) =>
      failing('redis settings', fault, 'set it in redis.conf, then restart Redis'),
    );
    if (faults.length === 0) settings.push(fine('redis settings', 'what is acknowledged survives power loss'));
    const checks = [fine('redis', 'answers'), ...settings, await clocksApart(redis, clock)];
    const kept = await redis.get(keys.partitions);
    if (kept === null || Number(kept) === partitions) return checks;
    const action = `set FOOTFALL_PARTITIONS=${kept}, or copy into another Redis`;
    return [...checks, failing('partitions', `this Redis holds ${kept}, not ${partitions}`, action)];
  } catch (error) {
    return [failing('redis', (error as Error).message, 'see its log')];
  } finally {
    redis.disconnect();
  }
}

async function clocksApart(redis: Redis, clock: Clock): Promise<Check> {
  const [seconds, micros] = await redis.time();
  const apartMs = Math.abs(Number(seconds) * 1000 + Number(micros) / 1000 - clock.nowMs());
  const detail = `${Math.round(apartMs)} ms from that of Redis`;
  if (apartMs <= APART_MS_MAX) return fine('clocks', detail);
  return warning('clocks', detail, 'let one time service keep the clocks of all machines');
}

async function inspectInflux({ influx: { url, token, org } }: Config): Promise<Check[]> {
  try {
    const { found, missing } = await bucketsOf(openInfluxApi({ url, token }), org);
    const answers = fine('influxdb', `answers at ${url}, and the token may see ${org}`);
    if (missing.length === 0) return [answers, fine('buckets', found.join(', '))];
    return [answers, fine('buckets', `${missing.join(', ')}: created at the start`)];
  } catch (error) {
    const action =
      'start it, or set INFLUX_URL, INFLUX_TOKEN and INFLUX_ORG; live counts go on without it, the past does not';
    return [failing('influxdb', (error as Error).message, action)];
  }
}
