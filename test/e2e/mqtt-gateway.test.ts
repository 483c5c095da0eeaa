// The gateway: what is published to a mosquitto that somebody else runs is counted, what is poison is listed, and what comes
// while footfall is away waits there.
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Client, httpClient, untilStored } from '../support/http.ts';
import { sampleOf, scrape } from '../support/metrics.ts';
import { type Mosquitto, startMosquitto, whyNoMosquitto } from '../support/mosquitto.ts';
import { type Service, startService } from '../support/service.ts';

const missing = whyNoMosquitto();
if (missing !== null) process.stderr.write(`skipped: ${missing}\n`);

const PATIENCE = { timeout: 10_000 };
const START_MS = Date.UTC(2018, 1, 24, 8);
const PLAN = {
  spaces: [{ id: 'A' }],
  doorways: [{ id: 'Z', a: 'A', b: null }],
  dpus: [
    { id: '423', placements: [{ doorway_id: 'Z', facing: 'a' }] },
    { id: '283', placements: [{ doorway_id: 'Z', facing: 'a' }] },
  ],
};

describe.skipIf(missing !== null)('the gateway', () => {
  let mosquitto: Mosquitto;
  let service: Service;
  let client: Client;
  let stored = 0;
  beforeAll(async () => {
    mosquitto = await startMosquitto();
    service = await startService({
      environment: {
        FOOTFALL_GATEWAY_URL: mosquitto.url,
        FOOTFALL_METRICS_PORT: '0',
        FOOTFALL_LOG_LEVEL: 'info',
        FOOTFALL_LATENESS_ALLOWED_S: '1',
      },
    });
    client = httpClient(service.httpUrl);
    await client.put('/v1/floorplan', PLAN);
    await vi.waitFor(() => expect(service.log()).toContain('events are consumed from another broker'), PATIENCE);
  });
  afterAll(async () => {
    await service?.stop();
    await mosquitto?.kill();
  });

  /** Publishes payloads with QoS 1 unless told otherwise; resolves when mosquitto has them. */
  async function publish(payloads: readonly string[], topic = 'dpu/423/events', qos: 0 | 1 | 2 = 1): Promise<void> {
    const device = await connectAsync(mosquitto.url, { reconnectPeriod: 0 });
    await Promise.all(payloads.map((payload) => device.publishAsync(topic, payload, { qos })));
    await device.endAsync();
  }

  /** So many new events of the DPU. */
  function events(count: number): string[] {
    return Array.from({ length: count }, () => {
      stored += 1;
      return JSON.stringify({ timestamp: START_MS + stored * 1000, direction: 1 });
    });
  }

  test('counts events of every QoS, one or many to a message, and has heard from their DPU', async () => {
    for (const qos of [0, 1, 2] as const) await publish(events(2), 'dpu/423/events', qos);
    await publish([`[${events(3).join()}]`]);
    await untilStored(client, stored);
    expect((await client.get('/v1/spaces/A/count')).count).toBe(stored);
    expect((await client.get('/v1/dpus/423/status')).last_heard).not.toBeNull();
    const samples = await scrape(service);
    expect(sampleOf(samples, 'footfall_gateway_connected')).toBe(1);
    expect(sampleOf(samples, 'footfall_gateway_acknowledged_total')).toBe(7);
    await publish(['[]'], 'dpu/283/events');
    const watermark = async () => (await client.get('/v1/spaces/A/count')).watermark;
    await expect.poll(watermark, PATIENCE).not.toBeNull();
  });

  test('lists poison in quarantine, acknowledges it, and goes on', async () => {
    await publish(['{poison']);
    await publish(['{"direction":1}'], 'dpu/no good id/events');
    await publish(['x'.repeat(300_000)]);
    await publish(['{"timestamp":"2018-02-24T08:45:21.893Z","direction":1}'], 'dpu/stranger/events');
    await publish(events(1));
    await untilStored(client, stored);
    const quarantined = async () => {
      const { results } = await client.get('/v1/quarantine');
      return results.map(({ reason, topic }: { reason: string; topic: string }) => `${reason} ${topic}`).toSorted();
    };
    const expected = [
      'malformed dpu/423/events',
      'malformed dpu/no good id/events',
      'too_large dpu/423/events',
      'unknown_dpu dpu/stranger/events',
    ];
    await expect.poll(quarantined, PATIENCE).toEqual(expected);
    // Had any of it not been acknowledged, it would come once more.
    await service.kill('SIGKILL');
    await service.restart();
    await publish(events(1));
    await untilStored(client, stored);
    expect(await quarantined()).toEqual(expected);
  });

  test('takes in what was published while it was away, and after a stop nothing is delivered again', async () => {
    await service.kill('SIGTERM');
    await publish(events(500));
    await service.restart();
    await untilStored(client, stored);
    expect((await client.get('/v1/spaces/A/count')).count).toBe(stored);
    expect((await client.post('/v1/verify', {})).discrepancies).toEqual([]);
  });
});
