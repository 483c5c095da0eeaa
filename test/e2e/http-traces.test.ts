// Traces from PUBLISH to commit: one for an entry of the journal, whole on every back-end, sent where a collector listens.
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Collector, type Span, startCollector } from '../support/collector.ts';
import { httpClient } from '../support/http.ts';
import { mqttPublisher } from '../support/mqtt-publisher.ts';
import { type Service, startService } from '../support/service.ts';

/** A worker that did not know of the DPU yet quarantines its events, which are replayed some seconds later. */
const SOON = { timeout: 25_000, interval: 50 };
const LOOPS = process.env['FOOTFALL_TEST_STORAGE'] === 'influx-redis' ? ['live', 'history'] : ['processor'];
/** What a loop does with an entry. */
const STEPS = ['read', 'map', 'commit'];

async function started(environment: Record<string, string> = {}): Promise<{ service: Service; collector: Collector }> {
  const collector = await startCollector();
  const traces = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50' };
  const service = await startService({ environment: { ...traces, ...environment } });
  onTestFinished(async () => {
    await service.stop();
    await collector[Symbol.asyncDispose]();
  });
  const client = httpClient(service.httpUrl);
  await client.put('/v1/floorplan', {
    spaces: [{ id: 'A' }],
    doorways: [{ id: 'X', a: 'A', b: null }],
    dpus: [{ id: '423', placements: [{ doorway_id: 'X', facing: 'a' }] }],
  });
  return { service, collector };
}

async function publish(service: Service, events: number): Promise<void> {
  const send = await mqttPublisher(service.mqttUrl, '423');
  for (let index = 0; index < events; index++) {
    await send({ timestamp: Date.UTC(2026, 0, 2) + index * 1000, direction: 1 });
  }
  await send.end();
  const client = httpClient(service.httpUrl);
  await vi.waitFor(async () => expect((await client.get('/v1/spaces/A/count')).count).toBe(events), SOON);
}

/** By trace, those that hold what a publish comes to. */
function whole(spans: readonly Span[]): Span[][] {
  const names = ['publish', 'append', ...LOOPS.flatMap(() => STEPS)].toSorted();
  const traces = [...Map.groupBy(spans, ({ traceId }) => traceId).values()];
  return traces.filter((trace) => JSON.stringify(trace.map(({ name }) => name).toSorted()) === JSON.stringify(names));
}

test('a publish is one trace, in order, from its PUBLISH to the commit of every loop', async () => {
  const { service, collector } = await started({
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_SERVICE_NAME: 'footfall-tests',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=tests',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=mine',
  });
  await publish(service, 5);
  await vi.waitFor(() => expect(whole(collector.spans).length).toBeGreaterThanOrEqual(5), SOON);
  for (const trace of whole(collector.spans)) {
    const of = (name: string, loop?: string) =>
      trace.find(
        (span) => span.name === name && (loop === undefined || span.attributes['footfall.loop'] === loop),
      ) as Span;
    const root = of('publish');
    expect(root.parentSpanId).toBeNull();
    expect(trace.filter((span) => span !== root && span.parentSpanId !== root.spanId)).toEqual([]);
    expect(new Set(trace.map(({ spanId }) => spanId)).size).toBe(trace.length);
    const append = of('append');
    expect(root.startMs).toBeLessThanOrEqual(append.startMs);
    expect(append.endMs).toBeLessThanOrEqual(root.endMs);
    for (const loop of LOOPS) {
      const [read, map, commit] = STEPS.map((name) => of(name, loop)) as [Span, Span, Span];
      expect(map.startMs).toBeGreaterThanOrEqual(read.startMs);
      expect(commit.startMs).toBeGreaterThanOrEqual(map.startMs);
      expect(commit.endMs).toBeGreaterThanOrEqual(commit.startMs);
    }
    expect(root.attributes['footfall.messages']).toBeGreaterThanOrEqual(1);
    expect(root.resource).toMatchObject({ 'service.name': 'footfall-tests', 'deployment.environment': 'tests' });
    expect(root.headers['x-tenant']).toBe('mine');
  }
  // Nothing says whose door it was.
  expect(JSON.stringify(collector.spans.map(({ attributes }) => attributes))).not.toMatch(/423|127\.0\.0\.1/);
});

test('what a broker worker takes is one trace too, though it is gathered on its way', async () => {
  const { service, collector } = await started({ OTEL_TRACES_SAMPLER: 'always_on', FOOTFALL_BROKER_WORKERS: '2' });
  await publish(service, 3);
  await vi.waitFor(() => expect(whole(collector.spans).length).toBeGreaterThanOrEqual(3), SOON);
}, 60_000);

test('only a share is traced, and what is traced is whole', async () => {
  const { service, collector } = await started({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.3' });
  await publish(service, 100);
  await service.kill('SIGTERM');
  const traces = new Set(collector.spans.map(({ traceId }) => traceId)).size;
  expect(traces).toBeGreaterThan(5);
  expect(traces).toBeLessThan(70);
  const published = collector.spans.filter(({ name }) => name === 'publish').length;
  // Facts were not published, and are no traces.
  expect([whole(collector.spans).length, traces]).toEqual([published, published]);
});

test('nothing is sent when nothing is to be sampled, and a collector that is away holds nothing up', async () => {
  const { service, collector } = await started({ OTEL_TRACES_SAMPLER: 'always_off' });
  await publish(service, 20);
  await service.kill('SIGTERM');
  expect(collector.spans).toEqual([]);
  const away = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_TRACES_SAMPLER: 'always_on' };
  const alone = await started(away);
  await publish(alone.service, 20);
  await vi.waitFor(() => expect(alone.service.log()).toContain('traces: '), SOON);
  const stoppingAtMs = performance.now();
  expect(await alone.service.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(performance.now() - stoppingAtMs).toBeLessThan(7_000);
});
