// Services apart: what the broker and the processor tell of one entry is one trace, though nothing about it goes between them.
import { expect, test, vi } from 'vitest';
import { startCollector } from '../support/collector.ts';
import { startServers } from '../support/fleet-of-services.ts';
import { httpClient } from '../support/http.ts';
import { mqttPublisher } from '../support/mqtt-publisher.ts';

test('a publish at the broker and its commits in the processor are one trace', async () => {
  await using collector = await startCollector();
  await using servers = await startServers();
  const environment = (service: string) => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_SERVICE_NAME: service,
  });
  const api = await servers.start('api');
  const broker = await servers.start('broker', environment('broker'));
  await servers.start('processor', environment('processor'));
  await httpClient(api.httpUrl).post('/v1/dpus', { id: '423' });
  const publish = await mqttPublisher(broker.mqttUrl, '423');
  await publish({ timestamp: Date.UTC(2026, 0, 2), direction: 1 });
  await vi.waitFor(
    () => {
      const traces = [...Map.groupBy(collector.spans, ({ traceId }) => traceId).values()];
      const told = traces.map((trace) =>
        trace.map(({ name, resource }) => `${resource['service.name']} ${name}`).toSorted(),
      );
      const ofProcessor = ['commit', 'commit', 'map', 'map', 'read', 'read'].map((name) => `processor ${name}`);
      expect(told).toContainEqual(['broker append', 'broker publish', ...ofProcessor]);
    },
    { timeout: 20_000, interval: 100 },
  );
  await publish.end();
}, 60_000);
