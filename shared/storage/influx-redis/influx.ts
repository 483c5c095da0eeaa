// The connection to InfluxDB: lines in, rows out, and never a point lost without a word.
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { HttpError, InfluxDB } from '@influxdata/influxdb-client';
import { HistoryUnavailableError } from '../../errors.ts';
import { createBuckets, failure, openInfluxApi, unavailable } from './influx-api.ts';
import { RAW_BUCKET } from './points.ts';

/** Best throughput (FACTS of InfluxDB 2: 5,000 lines a batch). */
const LINES_PER_WRITE = 5_000;
const BYTES_PER_WRITE = 64 * 1024 * 1024;
const WRITE_TIMEOUT_MS = 20_000;
/** Of one query, where nobody says otherwise: an audit reads an hour of a fleet at once. */
const QUERY_TIMEOUT_MS = 60_000;

export type InfluxOptions = {
  readonly url: string;
  readonly token: string;
  readonly org: string;
  readonly queryTimeoutMs?: number;
};

/** Columns by name, as InfluxDB spells their values. */
export type Row = Readonly<Record<string, string>>;

export type Removal = {
  readonly startMs: number;
  readonly stopMs: number;
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
};

export type Influx = {
  /** Creates the buckets that are missing; they keep for ever. Throws when the organization is missing. */
  ensureBuckets(): Promise<void>;
  /** Resolves when it answers to the token. */
  ping(): Promise<void>;
  /** Resolves once all lines are durable. A rejection says nothing about any of them: write the same again. */
  write(bucket: string, lines: readonly string[]): Promise<void>;
  /** All rows of a query, whole; throws when the answer ends early or holds an error. */
  query(flux: string): Promise<Row[]>;
  /** Takes points in [startMs, stopMs) away: for repairs only, it walks every shard. */
  remove(bucket: string, removal: Removal): Promise<void>;
  close(): Promise<void>;
};

/** A line that InfluxDB does not take, whatever is tried. Counting waits: a point left out would be a wrong count. */
export class RejectedLineError extends HistoryUnavailableError {
  readonly line: string;
  constructor(line: string, reason: string) {
    super(`InfluxDB does not take a point: ${reason}; the point: ${line}`);
    this.line = line;
  }
}

export function openInflux({ url, token, org, queryTimeoutMs = QUERY_TIMEOUT_MS }: InfluxOptions): Influx {
  const agent = url.startsWith('https:') ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const transportOptions = { agent };
  const writing = new InfluxDB({ url, token, timeout: WRITE_TIMEOUT_MS, transportOptions });
  const queries = new InfluxDB({ url, token, timeout: queryTimeoutMs, transportOptions }).getQueryApi(org);

  const call = openInfluxApi({ url, token });
  const ensureBuckets = () => createBuckets(call, org);

  const writeOnce = async (bucket: string, lines: readonly string[]): Promise<void> => {
    // One for each batch: a batch that failed is told by its flush, and nothing is tried again behind our back.
    let failed: Error | undefined;
    const api = writing.getWriteApi(org, bucket, 'ns', {
      batchSize: lines.length + 1,
      maxBatchBytes: BYTES_PER_WRITE,
      flushInterval: 0,
      maxRetries: 0,
      writeFailed: (error) => {
        failed = error;
        return Promise.resolve();
      },
    });
    api.writeRecords(lines as string[]);
    await api.flush();
    await api.close();
    if (failed !== undefined) throw failed;
  };

  /** What the server does not take is halved until it is one line; the halves that it takes are written. */
  const writeAll = async (bucket: string, lines: readonly string[]): Promise<void> => {
    try {
      await writeOnce(bucket, lines);
    } catch (error) {
      const status = error instanceof HttpError ? error.statusCode : 0;
      if (status === 404) await ensureBuckets();
      if (![400, 413, 422].includes(status)) throw failure(status, (error as Error).message, error as Error);
      if (lines.length === 1) throw new RejectedLineError(lines[0] as string, (error as Error).message);
      const middle = lines.length >> 1;
      const halves = await Promise.allSettled([
        writeAll(bucket, lines.slice(0, middle)),
        writeAll(bucket, lines.slice(middle)),
      ]);
      for (const half of halves) if (half.status === 'rejected') throw half.reason;
    }
  };

  return {
    ensureBuckets,
    ping: async () => void (await call('GET', `/api/v2/buckets?name=${RAW_BUCKET}`)),
    write: async (bucket, lines) => {
      for (let at = 0; at < lines.length; at += LINES_PER_WRITE) {
        await writeAll(bucket, lines.slice(at, at + LINES_PER_WRITE));
      }
    },
    query: async (flux) => {
      const rows: Row[] = [];
      try {
        for await (const { values, tableMeta } of queries.iterateRows(flux)) {
          const row: Record<string, string> = {};
          for (const { label, index, defaultValue } of tableMeta.columns) row[label] = values[index] || defaultValue;
          // An error in mid-stream comes as a table of its own, and the client hands it out as a row like any other.
          if (row['error'] !== undefined && row['reference'] !== undefined && row['_value'] === undefined) {
            throw new HistoryUnavailableError(`InfluxDB broke off its answer: ${row['error']}`);
          }
          rows.push(row);
        }
        return rows;
      } catch (error) {
        if (error instanceof HistoryUnavailableError) throw error;
        throw error instanceof HttpError
          ? failure(error.statusCode, error.message, error)
          : unavailable(error as Error);
      }
    },
    remove: async (bucket, { startMs, stopMs, measurement, tags }) => {
      const path = `/api/v2/delete?org=${encodeURIComponent(org)}&bucket=${bucket}`;
      const tagged = Object.entries(tags).map(([name, value]) => ` AND ${name}="${value}"`);
      await call('POST', path, {
        start: new Date(startMs).toISOString(),
        // Both ends are inclusive.
        stop: new Date(stopMs - 1).toISOString().replace('Z', '999999Z'),
        predicate: `_measurement="${measurement}"${tagged.join('')}`,
      });
    },
    close: async () => agent.destroy(),
  };
}
