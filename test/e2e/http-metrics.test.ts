// What Prometheus is told: what became of every event, how long acknowledgements and requests took, and no names in labels.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { type Client, httpClient } from '../support/http.ts';
import { sampleOf, scrape } from '../support/metrics.ts';
import { mqttPublisher } from '../support/mqtt-publisher.ts';
import { type Service, startService } from '../support/service.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

let service: Service;
let client: Client;

beforeAll(async () => {
  service = await startService({ environment: { FOOTFALL_METRICS_PORT: '0' } });
  client = httpClient(service.httpUrl);
  await client.put('/v1/floorplan', {
    spaces: [{ id: 'secret-lab' }],
    doorways: [{ id: 'X', a: 'secret-lab', b: null }],
    dpus: [{ id: '283', placements: [{ doorway_id: 'X', facing: 'a' }] }, { id: '423' }, { id: '512' }],
  });
  await client.post('/v1/dpus/512/placements', { doorway_id: 'X', facing: 'a' });
  await client.post('/v1/dpus/512/voids', { from: '2026-01-01T00:00:00Z', until: '2026-02-01T00:00:00Z' });
});
afterAll(async () => {
  await service.stop();
});

test('every event and message is told by what became of it, once it is taken in', async () => {
  const at = (second: number) => ({ timestamp: Date.UTC(2026, 0, 2) + second * 1000, direction: 1 });
  const placed = await mqttPublisher(service.mqttUrl, '283');
  for (const second of [1, 2, 3, 1, 2]) await placed(at(second));
  await placed({ timestamp: 'yesterday', direction: 1 });
  const unplaced = await mqttPublisher(service.mqttUrl, '423');
  await unplaced(at(1));
  await client.post('/v1/dpus/512/events', [at(1), at(2)]);
  await client.post('/v1/dpus/900/events', [at(1)]);
  await vi.waitFor(
    async () => {
      const samples = await scrape(service);
      const fates = ['counted', 'duplicate', 'unplaced', 'voided'].map((fate) =>
        sampleOf(samples, 'footfall_events_total', { fate }),
      );
      expect(fates).toEqual([3, 2, 1, 2]);
      const reasons = ['malformed', 'unknown_dpu', 'too_old'].map((reason) =>
        sampleOf(samples, 'footfall_quarantined_total', { reason }),
      );
      expect(reasons).toEqual([1, 1, 0]);
    },
    { timeout: 15_000, interval: 100 },
  );
  const samples = await scrape(service);
  // Over MQTT only, each once, in buckets that add up.
  expect(sampleOf(samples, 'footfall_mqtt_acknowledgement_seconds_count')).toBe(7);
  expect(sampleOf(samples, 'footfall_mqtt_acknowledgement_seconds_bucket', { le: '+Inf' })).toBe(7);
  expect(sampleOf(samples, 'footfall_mqtt_acknowledgement_seconds_sum')).toBeGreaterThan(0);
  expect(sampleOf(samples, 'footfall_mqtt_connections')).toBe(2);
  await placed.end();
  await unplaced.end();
});

test('requests are told by route as it is declared and by status', async () => {
  await client.get('/v1/spaces/secret-lab/count');
  await client.call('GET', '/v1/spaces/attic/count');
  await client.call('GET', '/nowhere/at/all');
  const samples = await scrape(service);
  const route = '/v1/spaces/:id/count';
  const count = (labels: Record<string, string>) => sampleOf(samples, 'footfall_http_request_seconds_count', labels);
  expect(count({ method: 'GET', route, status: '200' })).toBe(1);
  expect(count({ method: 'GET', route, status: '404' })).toBe(1);
  expect(count({ method: 'GET', route: 'none', status: '404' })).toBe(1);
});

test('webhooks are told by how they do', async () => {
  const made = await client.post('/v1/webhooks', { url: 'https://nowhere.example/', types: ['webhook.disabled'] });
  await client.patch(`/v1/webhooks/${made.id}`, { enabled: false });
  await client.post(`/v1/webhooks/${made.id}/test`, {});
  const samples = await scrape(service);
  const of = (status: string) => sampleOf(samples, 'footfall_webhooks', { status });
  expect([of('working'), of('failing'), of('disabled')]).toEqual([0, 0, 1]);
  expect(sampleOf(samples, 'footfall_webhook_messages_waiting')).toBe(1);
});

test('journal, processor, watermarks and recounts are told, and the process itself', async () => {
  const samples = await scrape(service);
  const names = new Set(samples.map(({ name }) => name));
  for (const name of [
    'footfall_journal_entries',
    'footfall_journal_bytes',
    'footfall_journal_waiting_bytes',
    'footfall_recounts_running',
    'footfall_recount_events_done',
    'process_resident_memory_bytes',
    'nodejs_eventloop_lag_p99_seconds',
  ]) {
    expect(names).toContain(name);
  }
  expect(sampleOf(samples, 'footfall_journal_limit_bytes')).toBeGreaterThan(1024 ** 2);
  const lags = samples.filter(({ name }) => name === 'footfall_processor_lag_seconds');
  const loops = process.env['FOOTFALL_TEST_STORAGE'] === 'influx-redis' ? ['live', 'history'] : ['processor'];
  expect(lags.map(({ labels }) => labels['loop'])).toEqual(loops);
  // One space, of which every DPU was heard but a moment ago: behind by the allowed lateness.
  expect(sampleOf(samples, 'footfall_watermark_lag_seconds_count')).toBeLessThanOrEqual(1);
});

test('no label names a DPU, a space, a client or an address', async () => {
  const samples = await scrape(service);
  const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
  const allowed = 'fate reason le quantile loop watermark method route status storage node check'.split(' ');
  const ofNode = 'space type kind version major minor patch'.split(' '); // nodejs_heap_space_…: of the heap
  expect([...labels].filter((label) => ![...allowed, ...ofNode].includes(label))).toEqual([]);
  const own = samples.filter(({ name }) => name.startsWith('footfall_'));
  expect(JSON.stringify(own)).not.toMatch(/secret-lab|"283"|"423"|127\.0\.0\.1/);
});

test('the listener has nothing but the metrics, and is not there unless it is asked for', async () => {
  const address = /\bmetrics=(\S+)/.exec(service.readyLine)?.[1];
  expect((await fetch(`http://${address}/v1/spaces`)).status).toBe(404);
  expect((await client.call('GET', '/metrics')).status).toBe(404);
  await using quiet = await startService();
  expect(quiet.readyLine).not.toContain('metrics=');
});

test('a port that is taken is told by its variable, and nothing is started', async () => {
  const taken = /\bmetrics=\S+?:(\d+)/.exec(service.readyLine)?.[1] ?? '';
  const { code, stderr } = await runCommand(['start'], {
    FOOTFALL_DATA_DIR: temporaryDir(),
    FOOTFALL_HTTP_PORT: '0',
    FOOTFALL_MQTT_PORT: '0',
    FOOTFALL_METRICS_PORT: taken,
  });
  expect([code, stderr]).toEqual([1, expect.stringContaining('set FOOTFALL_METRICS_PORT to a free port')]);
});
