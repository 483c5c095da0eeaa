// The three services as docker-compose.yml starts them: its command lines and its environment, on real servers.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { httpClient } from '../support/http.ts';
import { PROJECT_DIR, type Service, startService } from '../support/service.ts';
import { newInfluxRedis } from '../support/storage.ts';

const ADMIN_KEY = 'an-admin-key-for-this-test';
/** With the defaults of what nobody has set, as `docker compose` fills them in. */
const text = readFileSync(join(PROJECT_DIR, 'docker-compose.yml'), 'utf8').replace(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1');
const compose = parse(text, { merge: true }) as {
  services: Record<string, { command: string[]; environment: Record<string, string | null> }>;
};

test('broker, processor and api, reachable from outside, want a key; a DPU its secret; then all counts', async () => {
  const addresses = await newInfluxRedis();
  const start = async (service: 'broker' | 'processor' | 'api'): Promise<Service> => {
    const { command, environment } = compose.services[service] as (typeof compose.services)[string];
    expect(command).toEqual(['start', service]);
    // In containers each has the same port; here they are on one machine.
    const ports = { FOOTFALL_METRICS_PORT: '0' };
    const filled = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, value ?? '']));
    const given = { ...filled, ...addresses, ...ports, FOOTFALL_ADMIN_KEY: ADMIN_KEY };
    return startService({ service, environment: given });
  };
  await using broker = await start('broker');
  await using processor = await start('processor');
  await using api = await start('api');
  expect(processor.readyLine).toContain('storage=influx-redis');
  expect(broker.readyLine).toContain('mqtt=0.0.0.0:');
  for (const { readyLine } of [broker, processor, api]) expect(readyLine).toContain('metrics=0.0.0.0:');
  const client = httpClient(api.httpUrl);
  expect((await client.call('GET', '/v1/spaces')).status).toBe(401);
  const authorization = { authorization: `Bearer ${ADMIN_KEY}` };
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await client.call(method, path, body, authorization);
    expect(answer.status, `${method} ${path}: ${JSON.stringify(answer.body)}`).toBeLessThan(300);
    return answer.body;
  };
  await call('PUT', '/v1/floorplan', {
    spaces: [{ id: 'A' }],
    doorways: [{ id: 'X', a: 'A', b: null }],
    dpus: [{ id: '423', placements: [{ doorway_id: 'X', facing: 'a' }] }],
  });
  const { secret } = await call('POST', '/v1/dpus/423/secret', {});
  await expect(connectAsync(broker.mqttUrl, { clientId: '423', username: '423', password: 'wrong' })).rejects.toThrow();
  const dpu = await connectAsync(broker.mqttUrl, { clientId: '423', username: '423', password: secret });
  await dpu.publishAsync('dpu/423/events', JSON.stringify({ timestamp: Date.now(), direction: 1 }), { qos: 1 });
  await dpu.endAsync();
  await vi.waitFor(async () => expect((await call('GET', '/v1/spaces/A/count')).count).toBe(1), { timeout: 10_000 });
  expect((await call('POST', '/v1/verify')).equal).toBe(true);
}, 60_000);
