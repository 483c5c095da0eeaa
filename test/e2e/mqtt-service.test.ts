// MQTT at the doors of the whole service: what goes in by any of them is counted, what is poison is listed.
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startService } from '../support/service.ts';

const TOPIC = 'dpu/423/events';
const START_MS = Date.UTC(2018, 1, 24, 8);
const PLAN = {
  spaces: [{ id: 'A' }],
  doorways: [{ id: 'Z', a: 'A', b: null }],
  dpus: [{ id: '423', placements: [{ doorway_id: 'Z', facing: 'a' }] }],
  resets: [],
};

let service: Service;

beforeAll(async () => {
  service = await startService();
  const answer = await fetch(`${service.httpUrl}/v1/floorplan`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(PLAN),
  });
  expect(answer.status, await answer.text()).toBe(200);
});

afterAll(async () => {
  await service.stop();
});

async function get(path: string) {
  return (await fetch(service.httpUrl + path)).json() as Promise<Record<string, unknown>>;
}

test('events published over TCP and over WebSocket count together, with every QoS', async () => {
  let at = START_MS;
  for (const url of [service.mqttUrl, service.wsUrl]) {
    const client = await connectAsync(url);
    for (const qos of [0, 1, 2] as const) {
      at += 1000;
      await client.publishAsync(TOPIC, JSON.stringify({ timestamp: at, direction: 1 }), { qos });
    }
    await client.endAsync();
  }
  await expect.poll(() => get('/v1/spaces/A/count')).toMatchObject({ count: 6 });
});

test('poison is listed in quarantine with its bytes, and the same connection goes on', async () => {
  const client = await connectAsync(service.mqttUrl, { reconnectPeriod: 0 });
  await client.publishAsync(TOPIC, '{poison', { qos: 1 });
  await client.publishAsync('elsewhere', 'lost?', { qos: 1 });
  await client.publishAsync(TOPIC, JSON.stringify({ timestamp: START_MS, direction: -1 }), { qos: 1 });
  await client.endAsync();
  await expect
    .poll(() => get('/v1/quarantine?reason=malformed'))
    .toMatchObject({
      total: 2,
      results: [
        { topic: 'elsewhere', payload_base64: Buffer.from('lost?').toString('base64') },
        { topic: TOPIC, dpu_id: '423', payload_base64: Buffer.from('{poison').toString('base64') },
      ],
    });
  await expect.poll(() => get('/v1/spaces/A/count')).toMatchObject({ count: 5 });
});

test('a stop while clients are connected over both doors ends with 0, and what was acknowledged is there afterwards', async () => {
  const clients = await Promise.all(
    [service.mqttUrl, service.wsUrl].map((url) => connectAsync(url, { reconnectPeriod: 0 })),
  );
  const before = (await get('/v1/spaces/A/count'))['count'] as number;
  let acknowledged = 0;
  let at = START_MS + 3_600_000;
  const publishing = clients.map(async (client) => {
    while (client.connected) {
      at += 1;
      await client.publishAsync(TOPIC, JSON.stringify({ timestamp: at, direction: 1 }), { qos: 1 });
      acknowledged += 1;
    }
  });
  await expect.poll(() => acknowledged).toBeGreaterThan(50);
  expect(await service.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  await Promise.all([...clients.map((client) => client.endAsync(true)), Promise.allSettled(publishing)]);
  await service.restart();
  const countedSince = async () => ((await get('/v1/spaces/A/count'))['count'] as number) - before;
  await expect.poll(countedSince).toBeGreaterThanOrEqual(acknowledged);
  // One publish a connection may have been stored without its acknowledgement having arrived.
  expect(await countedSince()).toBeLessThanOrEqual(acknowledged + clients.length);
});
