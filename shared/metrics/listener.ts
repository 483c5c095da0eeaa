// The listener of the metrics: `/metrics` in the text format of Prometheus, by itself, so that it can be kept inside a network.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metric } from 'prom-client';
import { CommandFailure } from '../commands/command.ts';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { addUp, type Measure, type Reading } from './reading.ts';

export type MetricsListener = {
  /** For the ready line, with a blank behind it; empty: there is none. */
  readonly where: string;
  close(): Promise<void>;
};

/** For a scrape to arrive whole. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Listens where it is configured, and answers with everything that `measures` read at that moment. */
export async function openMetrics(
  { metrics, storage }: Pick<Config, 'metrics' | 'storage'>,
  log: Log,
  measures: readonly Measure[],
): Promise<MetricsListener> {
  if (metrics === null) return { where: '', close: async () => undefined };
  // Not before it is needed: a service without metrics starts without it.
  const { collectDefaultMetrics, Registry } = (await import('prom-client')).default;
  const ofProcess = new Registry();
  collectDefaultMetrics({ register: ofProcess });
  const service = { name: 'footfall_info', help: 'What runs here', type: 'gauge' } as const;
  const info: Reading = { ...service, values: [{ labels: { storage, node: process.versions.node }, value: 1 }] };
  const scrape = async (): Promise<string> => {
    const readings = await Promise.all(measures.map((measure) => readOrNothing(measure, log)));
    const registry = new Registry();
    for (const reading of addUp([info, ...readings.flat()])) registry.registerMetric(metricOf(reading));
    return `${await registry.metrics()}\n${await ofProcess.metrics()}`;
  };
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    const isScrape = request.url?.split('?', 1)[0] === '/metrics';
    if (!isScrape) return answer(response, 404, 'text/plain', 'the metrics are at /metrics\n');
    scrape().then(
      (text) => answer(response, 200, ofProcess.contentType, text),
      (error: Error) => {
        log.error({ err: error }, 'the metrics could not be read');
        answer(response, 500, 'text/plain', 'the metrics could not be read; see the log\n');
      },
    );
  });
  server.listen(metrics.port, metrics.host);
  await once(server, 'listening').catch((error: Error) => {
    throw new CommandFailure(`cannot listen for metrics: ${error.message}; set FOOTFALL_METRICS_PORT to a free port`);
  });
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.close();
    server.closeAllConnections();
  };
  return { where: `metrics=${metrics.host}:${port} `, close };
}

/** What cannot be read for now (a server is away) is left out; the rest is all the more wanted. */
async function readOrNothing(measure: Measure, log: Log): Promise<readonly Reading[]> {
  try {
    return await measure();
  } catch (error) {
    log.debug({ err: error }, 'some metrics could not be read');
    return [];
  }
}

/** The library asks a metric for nothing else than this. */
function metricOf(reading: Reading): Metric {
  const values = reading.values.map(({ name = reading.name, ...value }) => ({ metricName: name, ...value }));
  return { name: reading.name, get: async () => ({ ...reading, values }) } as unknown as Metric;
}

function answer(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'content-type': type }).end(text);
}
