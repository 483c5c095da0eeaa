// `doctor`: says how everything is that a service needs, and what to do; its exit code is the answer.

import { once } from 'node:events';
import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeAuthority, whyNoOpenssl } from '../support/certificates.ts';
import { runCommand } from '../support/command-line.ts';
import { startService } from '../support/service.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

type Check = { name: string; state: string; detail: string | null; action: string | null };

const PORTS = { FOOTFALL_HTTP_PORT: '0', FOOTFALL_MQTT_PORT: '0' };

async function examined(environment: Record<string, string>, args: readonly string[] = []) {
  const { code, stdout, stderr } = await runCommand(['doctor', '--json', ...args], { ...PORTS, ...environment });
  expect(stderr).toBe('');
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  const wrong = checks.filter(({ state }) => state !== 'ok');
  for (const { action } of wrong) expect(action).not.toBeNull();
  return { code, checks, wrong, of: (name: string) => checks.filter((check) => check.name === name) };
}

test('everything is looked at, in words too, and nothing is left behind', async () => {
  const dataDir = join(temporaryDir(), 'not', 'yet');
  const { code, checks, of } = await examined({ FOOTFALL_DATA_DIR: dataDir });
  expect(checks.filter(({ state }) => state === 'failing')).toEqual([]);
  expect(code).toBe(0);
  const names = [
    'configuration',
    'node',
    'clock',
    'data directory',
    'file system',
    'disk space',
    'fdatasync',
    'file limit',
  ];
  expect(checks.map(({ name }) => name)).toEqual([...names, 'port HTTP', 'port MQTT']);
  expect(of('fdatasync')[0]?.detail).toMatch(/p50 \d+\.\d\d ms, p99 \d+\.\d\d ms \(\d+ times\)/);
  expect(existsSync(dataDir)).toBe(false);
  const { code: same, stdout } = await runCommand(['doctor'], { ...PORTS, FOOTFALL_DATA_DIR: dataDir });
  expect(same).toBe(0);
  expect(stdout).toMatch(/^ok {7}node {12}\d+\./m);
});

test('every fault of the configuration is told, and exit code 1', async () => {
  const { code, wrong } = await examined({ FOOTFALL_HTTP_PORT: 'eighty', FOOTFALL_STORAGE: 'influx-redis' });
  expect(code).toBe(1);
  expect(wrong.map(({ detail }) => detail?.split(':')[0])).toEqual(['FOOTFALL_HTTP_PORT', 'INFLUX_TOKEN']);
});

test('a variable that has no effect is a warning only', async () => {
  const { code, wrong } = await examined({ FOOTFALL_DATA_DIR: temporaryDir(), FOOTFALL_HTPP_PORT: '80' });
  expect(wrong.map(({ name, state, detail }) => [name, state, detail?.split(' ')[0]])).toEqual(
    expect.arrayContaining([['configuration', 'warning', 'FOOTFALL_HTPP_PORT']]),
  );
  expect(code).toBe(0);
});

test('a port that another program has is told by its variable', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const { code, of } = await examined({ FOOTFALL_DATA_DIR: temporaryDir(), FOOTFALL_MQTT_PORT: String(port) });
  expect(code).toBe(1);
  expect(of('port MQTT')).toMatchObject([{ state: 'failing', action: expect.stringContaining('FOOTFALL_MQTT_PORT') }]);
});

test('ports and a data directory that footfall itself has are well', async () => {
  await using service = await startService({ environment: { FOOTFALL_STORAGE: 'embedded' } });
  const { code, of } = await examined({
    FOOTFALL_DATA_DIR: service.dataDir,
    FOOTFALL_HTTP_PORT: String(service.httpPort),
    FOOTFALL_MQTT_PORT: String(service.mqttPort),
  });
  expect(of('port HTTP')).toMatchObject([{ state: 'ok', detail: expect.stringContaining('a footfall runs here') }]);
  expect(of('port MQTT')).toMatchObject([{ state: 'ok' }]);
  expect(code).toBe(0);
});

test('a fleet that is larger than the limit of open files fails, and more workers share it', async () => {
  const environment = { FOOTFALL_DATA_DIR: temporaryDir() };
  const { code, of } = await examined(environment, ['--dpus', '1000000']);
  expect(code).toBe(1);
  expect(of('file limit')).toMatchObject([
    { state: 'failing', action: expect.stringContaining('LimitNOFILE=2000200') },
  ]);
  const shared = await examined({ ...environment, FOOTFALL_BROKER_WORKERS: '4' }, ['--dpus', '1000000']);
  expect(shared.of('file limit')[0]?.action).toContain('LimitNOFILE=500200');
});

test('a clock that is behind what is stored, and a directory that cannot be, fail', async () => {
  const dataDir = temporaryDir();
  const file = join(dataDir, 'history.sqlite');
  writeFileSync(file, '');
  const ahead = new Date(Date.now() + 3_600_000);
  utimesSync(file, ahead, ahead);
  expect((await examined({ FOOTFALL_DATA_DIR: dataDir })).of('clock')).toMatchObject([{ state: 'failing' }]);
  // A file where the directory should be: nobody can write below it.
  const blocked = await examined({ FOOTFALL_DATA_DIR: join(file, 'below') });
  expect([blocked.code, blocked.of('data directory')[0]?.state]).toEqual([1, 'failing']);
});

const missing = whyNoOpenssl();
const title = missing === null ? '' : `skipped, ${missing}: `;

test.skipIf(missing !== null)(
  `${title}a certificate that ends soon is a warning, and one that is none fails`,
  async () => {
    const folder = temporaryDir();
    const { certPath, keyPath } = makeAuthority(folder, 'authority').issue('localhost', 'server');
    const tls = { FOOTFALL_TLS_CERT: certPath, FOOTFALL_TLS_KEY: keyPath, FOOTFALL_MQTTS_PORT: '0' };
    const soon = await examined({ FOOTFALL_DATA_DIR: folder, ...tls });
    expect(soon.of('certificate')).toMatchObject([{ state: 'warning', action: expect.stringContaining('renew') }]);
    const none = await examined({ FOOTFALL_DATA_DIR: folder, ...tls, FOOTFALL_TLS_CERT: keyPath });
    expect([none.code, none.of('certificate')[0]?.state]).toEqual([1, 'failing']);
  },
);

test('a broker to consume from that nobody answers at is a warning', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const environment = { FOOTFALL_DATA_DIR: temporaryDir(), FOOTFALL_GATEWAY_URL: `mqtt://127.0.0.1:${port}` };
  expect((await examined(environment)).of('gateway')).toMatchObject([{ state: 'ok' }]);
  server.close();
  await once(server, 'close');
  expect((await examined(environment)).of('gateway')).toMatchObject([
    { state: 'warning', action: expect.stringContaining('FOOTFALL_GATEWAY_URL') },
  ]);
});
