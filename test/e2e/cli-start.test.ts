// `start`: configuration faults, the ready line, the lock on the data directory, and how it ends.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { expect, test, vi } from 'vitest';
import { runCommand, startCommand } from '../support/command-line.ts';
import { httpClient } from '../support/http.ts';
import { startService } from '../support/service.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

/** Generous, because tests share the machine. */
const SOON = { timeout: 20_000 };

test('every fault of the configuration is a line of its own, and the exit code is 2', async () => {
  const { code, stdout, stderr } = await runCommand(['start'], {
    FOOTFALL_DATA_DIR: join(temporaryDir(), 'data'),
    FOOTFALL_HTTP_PORT: 'eighty',
    FOOTFALL_MQTT_PORT: '70000',
    FOOTFALL_LOG_LEVEL: 'loud',
    FOOTFALL_ADMIN_KEY: 'short',
  });
  const faulty = stderr.split('\n').map((line) => /^FOOTFALL_[A-Z_]+(?=: )/.exec(line)?.[0]);
  for (const name of ['HTTP_PORT', 'MQTT_PORT', 'LOG_LEVEL', 'ADMIN_KEY']) expect(faulty).toContain(`FOOTFALL_${name}`);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});

test('the ready line names the ports, and an unknown FOOTFALL_ variable is a warning', async () => {
  await using service = await startService({ environment: { FOOTFALL_COLOUR: 'red' } });
  expect(service.readyLine).toMatch(/^footfall ready mqtt=127\.0\.0\.1:\d+ http=127\.0\.0\.1:\d+ storage=embedded$/);
  expect((await fetch(`${service.httpUrl}/readyz`)).status).toBe(200);
  await vi.waitFor(() => expect(service.log()).toContain('FOOTFALL_COLOUR'), SOON);
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s, sent twice as npm does, drains and ends with 0', async (signal) => {
  await using service = await startService();
  const api = httpClient(service.httpUrl);
  await api.post('/v1/dpus', { id: 'd' });
  const client = await connectAsync(service.mqttUrl, { reconnectPeriod: 0 });
  let acknowledged = 0;
  for (let minute = 10; minute < 60; minute++) {
    const payload = JSON.stringify({ timestamp: `2018-01-01T00:${minute}:00Z`, direction: 1 });
    client.publish('dpu/d/events', payload, { qos: 1 }, (error) => {
      if (!error) acknowledged += 1;
    });
  }
  await vi.waitFor(() => expect(acknowledged).toBeGreaterThan(0), SOON);
  process.kill(service.pid, signal);
  process.kill(service.pid, signal);
  expect(await service.exited).toEqual({ code: 0, signal: null });
  await client.endAsync(true);
  await service.restart();
  const { total } = await httpClient(service.httpUrl).get('/v1/dpus/d/events');
  expect(total).toBeGreaterThanOrEqual(acknowledged);
});

test('open connections do not hold up the end', async () => {
  await using service = await startService();
  const tcp = await connectAsync(service.mqttUrl, { reconnectPeriod: 0 });
  const webSocket = await connectAsync(service.wsUrl, { reconnectPeriod: 0 });
  await fetch(`${service.httpUrl}/healthz`); // Its connection is kept alive.
  expect(await service.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  await Promise.all([tcp.endAsync(true), webSocket.endAsync(true)]);
});

test('a second start on the same data directory waits, then fails with words; it begins when the first lets go', async () => {
  const first = await startService();
  const { code, stderr } = await runCommand(['start'], {
    FOOTFALL_DATA_DIR: first.dataDir,
    FOOTFALL_HTTP_PORT: '0',
    FOOTFALL_MQTT_PORT: '0',
  });
  expect(stderr).toContain(`${first.dataDir} is in use by another footfall`);
  expect(code).toBe(1);
  const waiting = startService({ dataDir: first.dataDir });
  await first.kill('SIGKILL');
  const second = await waiting;
  expect(second.readyLine).toContain('footfall ready');
  await second.stop();
  await first.stop();
});

test('a port that is taken is named, and the exit code is 1', async () => {
  await using service = await startService();
  const { code, stderr } = await runCommand(['start'], {
    FOOTFALL_DATA_DIR: temporaryDir(),
    FOOTFALL_HTTP_PORT: '0',
    FOOTFALL_MQTT_PORT: String(service.mqttPort),
  });
  expect(stderr).toContain(`127.0.0.1:${service.mqttPort}`);
  expect(stderr).toContain('FOOTFALL_MQTT_PORT');
  expect(code).toBe(1);
});

test('a signal while it starts ends it with 0', async () => {
  const dataDir = temporaryDir();
  const { child, ended } = startCommand(['start'], {
    FOOTFALL_DATA_DIR: dataDir,
    FOOTFALL_HTTP_PORT: '0',
    FOOTFALL_MQTT_PORT: '0',
  });
  await vi.waitFor(() => expect(readdirSync(dataDir)).not.toEqual([]), { ...SOON, interval: 1 });
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
});
