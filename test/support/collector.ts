// A collector of traces: takes OTLP over HTTP as JSON, as an OpenTelemetry Collector does, and keeps the spans.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Span = {
  readonly traceId: string;
  readonly spanId: string;
  /** Null: it is a root. */
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly resource: Readonly<Record<string, string | number>>;
  /** With which it was sent. */
  readonly headers: Readonly<Record<string, unknown>>;
};

type Value = { stringValue?: string; intValue?: string | number; doubleValue?: number };
type Attributes = { key: string; value: Value }[];
type Sent = {
  resourceSpans: {
    resource: { attributes: Attributes };
    scopeSpans: {
      spans: {
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        name: string;
        startTimeUnixNano: string;
        endTimeUnixNano: string;
        attributes: Attributes;
      }[];
    }[];
  }[];
};

export type Collector = AsyncDisposable & { readonly url: string; readonly spans: readonly Span[] };

export async function startCollector(): Promise<Collector> {
  const spans: Span[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const isTraces = request.method === 'POST' && request.url === '/v1/traces';
    if (isTraces) spans.push(...spansIn(JSON.parse(Buffer.concat(chunks).toString()) as Sent, request.headers));
    response.writeHead(isTraces ? 200 : 404, { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function spansIn({ resourceSpans }: Sent, headers: Record<string, unknown>): Span[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((scope) =>
      scope.spans.map(({ traceId, spanId, parentSpanId, name, startTimeUnixNano, endTimeUnixNano, attributes }) => ({
        traceId,
        spanId,
        parentSpanId: parentSpanId ?? null,
        name,
        startMs: Number(BigInt(startTimeUnixNano) / 1000n) / 1000,
        endMs: Number(BigInt(endTimeUnixNano) / 1000n) / 1000,
        attributes: valuesOf(attributes),
        resource: valuesOf(resource.attributes),
        headers,
      })),
    ),
  );
}

function valuesOf(attributes: Attributes): Record<string, string | number> {
  const pairs = attributes.map(({ key, value: { stringValue, intValue, doubleValue } }) => {
    const number = intValue ?? doubleValue;
    return [key, number === undefined ? (stringValue ?? '') : Number(number)];
  });
  return Object.fromEntries(pairs);
}
