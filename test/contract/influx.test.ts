// What may go wrong between us and InfluxDB, on the real server, some of it through a proxy: nothing is lost, nothing doubles.
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HistoryUnavailableError } from '../../shared/errors.ts';
import { type Influx, openInflux, RejectedLineError } from '../../shared/storage/influx-redis/influx.ts';
import { RAW_BUCKET } from '../../shared/storage/influx-redis/points.ts';
import { type InfluxServer, startInflux, whyNoInflux } from '../support/servers.ts';

const missing = whyNoInflux();
const START_MS = Date.UTC(2026, 0, 15, 9);

/** What the proxy does with an answer: passes it on, never gives it (the request was carried out), or cuts it in the middle. */
type Mode = 'pass' | 'swallow' | 'cut';

async function startProxy(target: string): Promise<{ url: string; mode: { now: Mode }; server: Server }> {
  const mode = { now: 'pass' as Mode };
  const server = createServer((incoming, outgoing) => {
    const forwarded = request(
      `${target}${incoming.url}`,
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        if (mode.now === 'swallow') {
          answer.resume().on('end', () => incoming.socket.destroy());
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        if (mode.now === 'pass') return void answer.pipe(outgoing);
        answer.once('data', (chunk: Buffer) => {
          outgoing.write(chunk.subarray(0, chunk.length >> 1), () => incoming.socket.destroy());
        });
      },
    );
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, mode, server };
}

describe.skipIf(missing !== null)(`InfluxDB${missing === null ? '' : ` (not run: ${missing})`}`, () => {
  let server: InfluxServer;
  let influx: Influx;
  let proxied: Influx;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  beforeAll(async () => {
    server = await startInflux();
    proxy = await startProxy(server.url);
    const { token, org } = server;
    influx = openInflux({ url: server.url, token, org });
    proxied = openInflux({ url: proxy.url, token, org });
    await influx.ensureBuckets();
  }, 60_000);
  afterAll(async () => {
    proxy.server.close();
    await influx.close();
    await proxied.close();
    await server.kill();
  });

  const line = (measurement: string, index: number, value = '1i') =>
    `${measurement},space=A value=${value} ${START_MS + index}000000`;
  const count = async (measurement: string): Promise<number> => {
    const filter = `filter(fn: (r) => r._measurement == "${measurement}" and r._field == "value")`;
    const rows = await influx.query(
      `from(bucket: "${RAW_BUCKET}") |> range(start: 0) |> ${filter} |> group() |> count()`,
    );
    return Number(rows[0]?.['_value'] ?? 0);
  };
  const lines = (measurement: string, length: number) => Array.from({ length }, (_, index) => line(measurement, index));

  test('of a batch with a line that cannot be read, all others are written, and the line is named', async () => {
    const batch = lines('unreadable', 1_000).with(700, 'unreadable,space=A value=');
    const error = await influx.write(RAW_BUCKET, batch).catch((thrown: Error) => thrown);
    expect(error).toBeInstanceOf(RejectedLineError);
    expect((error as RejectedLineError).line).toBe('unreadable,space=A value=');
    expect(await count('unreadable')).toBe(999);
    await influx.write(RAW_BUCKET, batch.with(700, line('unreadable', 700)));
    expect(await count('unreadable')).toBe(1_000);
  });

  test('of a batch with a value of another type, all others are written, and the line is named', async () => {
    await influx.write(RAW_BUCKET, [line('typed', 0)]);
    const batch = lines('typed', 1_000).with(700, line('typed', 700, '1.5'));
    await expect(influx.write(RAW_BUCKET, batch)).rejects.toThrow(RejectedLineError);
    expect(await count('typed')).toBe(999);
  });

  test('a write that landed although its answer did not come is written again, and stands there once', async () => {
    const batch = lines('swallowed', 1_000);
    proxy.mode.now = 'swallow';
    await expect(proxied.write(RAW_BUCKET, batch)).rejects.toThrow(HistoryUnavailableError);
    expect(await count('swallowed')).toBe(1_000);
    proxy.mode.now = 'pass';
    await proxied.write(RAW_BUCKET, batch);
    expect(await count('swallowed')).toBe(1_000);
  });

  test('an answer that is cut in the middle is an error, not a short answer', async () => {
    await influx.write(RAW_BUCKET, lines('cut', 5_000));
    const query = `from(bucket: "${RAW_BUCKET}") |> range(start: 0) |> filter(fn: (r) => r._measurement == "cut")`;
    expect(await proxied.query(query)).toHaveLength(5_000);
    proxy.mode.now = 'cut';
    await expect(proxied.query(query)).rejects.toThrow(HistoryUnavailableError);
    proxy.mode.now = 'pass';
  });

  test('an error after the first rows is an error, not a row', async () => {
    await influx.write(RAW_BUCKET, lines('broken', 10));
    const good = `from(bucket: "${RAW_BUCKET}") |> range(start: 0) |> filter(fn: (r) => r._measurement == "broken")`;
    const bad = `${good} |> map(fn: (r) => ({r with _value: int(v: "no number")}))`;
    expect(await influx.query(`${good} |> yield(name: "good")`)).toHaveLength(10);
    await expect(influx.query(`${good} |> yield(name: "good")\n${bad} |> yield(name: "bad")`)).rejects.toThrow();
  });

  test('a wrong token, a missing bucket and a server that is away are told as what they are', async () => {
    const wrong = openInflux({ url: server.url, token: 'wrong', org: server.org });
    await expect(wrong.write(RAW_BUCKET, [line('x', 0)])).rejects.toThrow('INFLUX_TOKEN');
    await expect(influx.query('from(bucket: "nothing") |> range(start: 0)')).rejects.toThrow(HistoryUnavailableError);
    const away = openInflux({ url: 'http://127.0.0.1:9', token: 'any', org: server.org });
    await expect(away.query('buckets()')).rejects.toThrow(HistoryUnavailableError);
    await expect(away.write(RAW_BUCKET, [line('x', 0)])).rejects.toThrow(HistoryUnavailableError);
  });
});
