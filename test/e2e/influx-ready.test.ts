// A server that is away: without InfluxDB the API is ready and warns, without Redis it is not, and both pass by themselves.
import { expect, test, vi } from 'vitest';
import { startServers } from '../support/fleet-of-services.ts';
import { httpClient } from '../support/http.ts';

test('InfluxDB away is a warning, Redis away is not ready, and what to do is said', async () => {
  await using servers = await startServers();
  const api = await servers.start('api');
  await servers.start('processor');
  const client = httpClient(api.httpUrl);
  const until = (look: () => Promise<void>) => vi.waitFor(look, { timeout: 20_000, interval: 100 });
  const isReady = () => until(async () => expect((await client.call('GET', '/readyz')).status).toBe(200));
  await isReady();
  await servers.influx.kill();
  await until(async () => {
    const { status, checks } = await client.get('/readyz');
    expect(status).toBe('ok');
    const wrong = checks.filter(({ state }: { state: string }) => state !== 'ok');
    expect(wrong).toMatchObject([
      { name: 'influxdb', state: 'warning', action: expect.stringContaining('INFLUX_URL') },
    ]);
  });
  await servers.influx.start();
  await servers.redis.kill();
  await until(async () => {
    const { status, body } = await client.call('GET', '/readyz');
    expect([status, body.code]).toEqual([503, 'not_ready']);
    const redis = body.errors.find(({ path }: { path: string }) => path === 'redis');
    expect(redis.message).toContain('REDIS_URL');
  });
  await servers.redis.start();
  await isReady();
}, 90_000);
