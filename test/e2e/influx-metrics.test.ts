// Services apart have a listener each: the broker tells of connections, the processor of events, the API of the service as a whole.
import { expect, test, vi } from 'vitest';
import { startServers } from '../support/fleet-of-services.ts';
import { httpClient } from '../support/http.ts';
import { sampleOf, scrape } from '../support/metrics.ts';
import { mqttPublisher } from '../support/mqtt-publisher.ts';

const ON = { FOOTFALL_METRICS_PORT: '0', FOOTFALL_PARTITIONS: '2' };

test('each service tells its part, and a processor that is away is seen as lag', async () => {
  await using servers = await startServers();
  const api = await servers.start('api', ON);
  const broker = await servers.start('broker', ON);
  const client = httpClient(api.httpUrl);
  await client.put('/v1/floorplan', { spaces: [{ id: 'A' }], doorways: [{ id: 'X', a: 'A', b: null }] });
  const publish = await mqttPublisher(broker.mqttUrl, '423');
  for (const second of [1, 2, 3]) await publish({ timestamp: Date.UTC(2026, 0, 2) + second * 1000, direction: 1 });
  await vi.waitFor(
    async () => {
      const samples = await scrape(api);
      expect(sampleOf(samples, 'footfall_journal_entries')).toBeGreaterThanOrEqual(4);
      expect(sampleOf(samples, 'footfall_journal_bytes')).toBeGreaterThan(100);
      expect(sampleOf(samples, 'footfall_processor_lag_entries', { loop: 'live' })).toBeGreaterThanOrEqual(4);
      expect(sampleOf(samples, 'footfall_processor_lag_seconds', { loop: 'history' })).toBeGreaterThan(1);
    },
    { timeout: 10_000, interval: 200 },
  );
  const ofBroker = await scrape(broker);
  expect(sampleOf(ofBroker, 'footfall_mqtt_acknowledgement_seconds_count')).toBe(3);
  expect(sampleOf(ofBroker, 'footfall_journal_failing')).toBe(0);

  const processor = await servers.start('processor', ON);
  await vi.waitFor(
    async () => {
      expect(sampleOf(await scrape(processor), 'footfall_quarantined_total', { reason: 'unknown_dpu' })).toBe(3);
      const samples = await scrape(api);
      expect(sampleOf(samples, 'footfall_journal_entries')).toBe(0);
      expect(sampleOf(samples, 'footfall_processor_lag_seconds', { loop: 'history' })).toBe(0);
    },
    { timeout: 20_000, interval: 200 },
  );
  await publish.end();
}, 90_000);
