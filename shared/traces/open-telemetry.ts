// Traces by OpenTelemetry: spans are made when what they tell of is over, and sent in batches as OTLP over HTTP.
import { createHash } from 'node:crypto';
import {
  type Attributes,
  type Context,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  SpanKind,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  type IdGenerator,
  RandomIdGenerator,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Clock } from '../clock.ts';
import { provideEnvironment } from '../config.ts';
import type { Log } from '../log.ts';
import type { EntryId } from '../storage/journal.ts';
import type { EntryTraces } from './traces.ts';
import type { TracesConfig } from './traces-config.ts';

/** At the end of a service; a collector that is away must not hold it up. */
const CLOSE_TIMEOUT_MS = 1_000;

/** For a batch to be taken, tries again included: what waits to be tried keeps a process from ending. */
const SEND_TIMEOUT_MS = 2_000;

type Names = { readonly traceId: string; readonly spanId: string };

export function openTelemetry({ environment, ratio }: TracesConfig, clock: Clock, log: Log): EntryTraces {
  provideEnvironment(environment); // A thread has none of its own.
  tellFaults(log);
  const ids = new GivenIds();
  const sampler = new TraceIdRatioBasedSampler(ratio);
  const delay = environment['OTEL_BSP_SCHEDULE_DELAY'];
  const isTimed = ['OTEL_EXPORTER_OTLP_TIMEOUT', 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT'].some((name) => environment[name]);
  const exporter = new OTLPTraceExporter(isTimed ? {} : { timeoutMillis: SEND_TIMEOUT_MS });
  const provider = new TracerProvider({
    sampler: new AlwaysOnSampler(), // Nothing is begun that is not wanted.
    idGenerator: ids,
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'footfall' }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [
      new BatchSpanProcessor({ exporter, ...(delay === undefined ? {} : { scheduledDelayMillis: Number(delay) }) }),
    ],
  });
  const tracer = provider.getTracer('footfall');
  const span = (name: string, within: Context, from: number, to: number, attributes: Attributes, kind: SpanKind) => {
    tracer.startSpan(name, { kind, startTime: Math.min(from, to), attributes }, within).end(to);
  };
  /** Of the moment at which the monotonic clock said so. */
  const wallClock = () => {
    const offsetMs = clock.nowMs() - clock.monotonicMs();
    return (monotonicMs: number) => offsetMs + monotonicMs;
  };
  return {
    isSampled: (id) =>
      sampler.shouldSample(ROOT_CONTEXT, namesOf(id).traceId).decision === SamplingDecision.RECORD_AND_SAMPLED,
    appended: (id, { partition, messages, bytes, ...times }) => {
      const names = namesOf(id);
      const wall = wallClock();
      const attributes = { 'footfall.partition': partition, 'footfall.messages': messages, 'footfall.bytes': bytes };
      const [from, to] = [wall(times.beganAtMs), wall(times.answeredAtMs)];
      ids.within(names, () => span('publish', ROOT_CONTEXT, from, to, attributes, SpanKind.SERVER));
      span('append', below(names), wall(times.appendAtMs), wall(times.storedAtMs), {}, SpanKind.INTERNAL);
    },
    taken: (id, { partition, loop, position, recordedAtMs, events, ...times }) => {
      const root = below(namesOf(id));
      const wall = wallClock();
      const attributes = { 'footfall.partition': partition, 'footfall.loop': loop, 'footfall.position': position };
      span('read', root, recordedAtMs, wall(times.readAtMs), attributes, SpanKind.CONSUMER);
      span('map', root, wall(times.mapAtMs), wall(times.commitAtMs), attributes, SpanKind.INTERNAL);
      const ofBatch = { ...attributes, 'footfall.batch.events': events };
      span('commit', root, wall(times.commitAtMs), wall(times.committedAtMs), ofBatch, SpanKind.INTERNAL);
    },
    close: async () => {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
}

/** Ids by chance, but for a span that is given its own. */
class GivenIds implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  #given: Names | null = null;

  /** Every span that `begin` begins has these. */
  within(names: Names, begin: () => void): void {
    this.#given = names;
    begin();
    this.#given = null;
  }

  generateTraceId(): string {
    return this.#given?.traceId ?? this.#random.generateTraceId();
  }

  generateSpanId(): string {
    return this.#given?.spanId ?? this.#random.generateSpanId();
  }
}

/** 128 and 64 bits that are the same wherever the entry is met. */
function namesOf({ appender, seq }: EntryId): Names {
  const hash = createHash('sha256').update(`${appender} ${seq}`).digest('hex');
  return { traceId: hash.slice(0, 32), spanId: hash.slice(32, 48) };
}

function below({ traceId, spanId }: Names): Context {
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true });
}

/** What the library has to complain of: a collector that is away, spans that were thrown away. */
function tellFaults(log: Log): void {
  const quiet = () => undefined;
  const tell = (message: string, ...more: unknown[]) => log.warn({ more }, `traces: ${message}`);
  diag.setLogger({ error: tell, warn: tell, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.WARN);
}
