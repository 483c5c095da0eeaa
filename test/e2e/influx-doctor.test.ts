// `doctor` on Redis and InfluxDB: what is unsafe or away is told with what to set.
import { expect, test } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { startInflux, startRedis } from '../support/servers.ts';

type Check = { name: string; state: string; detail: string; action: string | null };

test('servers that are well, a setting that loses events, a token that is none, a server that is away', async () => {
  await using redis = await startRedis();
  await using unsafe = await startRedis(['--appendfsync', 'everysec']);
  await using influx = await startInflux();
  const well = {
    FOOTFALL_STORAGE: 'influx-redis',
    FOOTFALL_HTTP_PORT: '0',
    FOOTFALL_MQTT_PORT: '0',
    REDIS_URL: redis.url,
    INFLUX_URL: influx.url,
    INFLUX_TOKEN: influx.token,
    INFLUX_ORG: influx.org,
  };
  const examined = async (environment: Record<string, string>) => {
    const { code, stdout } = await runCommand(['doctor', '--json'], { ...well, ...environment });
    const { checks } = JSON.parse(stdout) as { checks: Check[] };
    return { code, checks, failed: checks.filter(({ state }) => state === 'failing') };
  };
  const good = await examined({});
  expect([good.code, good.failed]).toEqual([0, []]);
  expect(good.checks.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['redis', 'redis settings', 'clocks', 'influxdb', 'buckets']),
  );
  const losing = await examined({ REDIS_URL: unsafe.url });
  expect(losing.code).toBe(1);
  expect(losing.failed).toMatchObject([
    { name: 'redis settings', detail: expect.stringContaining('set appendfsync always') },
  ]);
  const locked = await examined({ INFLUX_TOKEN: 'another' });
  expect(locked.failed).toMatchObject([{ name: 'influxdb', action: expect.stringContaining('INFLUX_TOKEN') }]);
  await redis.kill();
  const away = await examined({});
  expect(away.failed).toMatchObject([{ name: 'redis', action: expect.stringContaining('REDIS_URL') }]);
}, 60_000);
