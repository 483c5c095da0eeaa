// `key` and `dpu`: the first key on a data directory, others through the service, and a host that needs one.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { httpClient } from '../support/http.ts';
import { startService } from '../support/service.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

const EXPOSED = { FOOTFALL_HTTP_HOST: '0.0.0.0', FOOTFALL_MQTT_HOST: '0.0.0.0' };

test('a host that others can reach needs a key; the first is made where no service runs', async () => {
  const dataDir = join(temporaryDir(), 'data');
  const environment = { FOOTFALL_DATA_DIR: dataDir };
  const ports = { FOOTFALL_HTTP_PORT: '0', FOOTFALL_MQTT_PORT: '0' };
  const refused = await runCommand(['start'], { ...environment, ...ports, ...EXPOSED });
  expect(refused.code).toBe(2);
  for (const name of ['FOOTFALL_HTTP_HOST', 'FOOTFALL_MQTT_HOST']) expect(refused.stderr).toContain(`${name}: 0.0.0.0`);
  const made = await runCommand(['key', 'create', '--scope', 'admin,read', '--name', 'first'], environment);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const key = made.stdout.trim();
  expect((await runCommand(['key', 'list'], environment)).stdout).toMatch(/^[0-9a-f]{12} {2}read,admin {2}first\n$/);

  await using service = await startService({ dataDir, environment: EXPOSED });
  const url = ['--url', service.httpUrl];
  expect((await runCommand(['key', 'list', ...url])).stderr).toContain('401 unauthenticated');
  const withKey = [...url, '--key', key];
  expect(await runCommand(['dpu', 'create', '423', ...withKey])).toMatchObject({ code: 0, stdout: 'made DPU 423\n' });
  expect((await runCommand(['dpu', 'secret', '423', ...withKey])).stdout).toMatch(/^ffd_[0-9a-f]{32}\n$/);
  const second = (await runCommand(['key', 'create', '--scope', 'read', ...withKey])).stdout.trim();
  const asked = () =>
    httpClient(service.httpUrl).call('GET', '/v1/spaces', undefined, { authorization: `Bearer ${second}` });
  expect((await asked()).status).toBe(200);
  const id = second.split('_')[1] as string;
  expect(await runCommand(['key', 'revoke', id, ...withKey])).toMatchObject({ code: 0, stdout: `revoked ${id}\n` });
  expect((await asked()).status).toBe(401);
  expect((await runCommand(['key', 'list', ...withKey])).stdout.trim().split('\n')).toHaveLength(2);
  // Both ways in are in the audit trail.
  const audit = await fetch(`${service.httpUrl}/v1/audit`, { headers: { authorization: `Bearer ${key}` } });
  const { results } = (await audit.json()) as { results: { operation: string; thing: string }[] };
  expect(results.map(({ operation }) => operation)).toEqual([
    'DELETE /v1/keys/:id',
    'POST /v1/keys',
    'POST /v1/dpus/:id/secret',
    'POST /v1/dpus',
    'command key create',
  ]);
  expect(results.at(-1)?.thing).toBe(`/v1/keys/${key.split('_')[1]}`);
  const confined = await runCommand(['key', 'create', '--root-space', 'none', ...withKey]);
  expect([confined.code, confined.stderr]).toEqual([1, expect.stringContaining('space_not_found')]);
});

test('a key is confined to a space, also where no service runs', async () => {
  const environment = { FOOTFALL_DATA_DIR: temporaryDir() };
  expect((await runCommand(['key', 'create', '--root-space', 'cafe'], environment)).code).toBe(0);
  expect((await runCommand(['key', 'list'], environment)).stdout).toMatch(/^[0-9a-f]{12} {2}read {2}within cafe\n$/);
});

test.each([
  [['key', 'create', '--root-space', 'cafe', '--scope', 'admin'], 2],
  [['key', 'create', '--root-space', 'a b'], 2],
  [['key', 'create', '--scope', 'boss'], 2],
  [['key', 'create', '--expires', '2001-01-01T00:00:00Z'], 1],
  [['key', 'revoke', 'none'], 1],
  [['key', 'revoke'], 2],
  [['key', 'nothing'], 2],
  [['key', '--help'], 0],
])('%j ends with %i', async (args, code) => {
  expect((await runCommand(args, { FOOTFALL_DATA_DIR: temporaryDir() })).code).toBe(code);
});

test('an admin key opens an exposed service without any other', async () => {
  await using service = await startService({
    environment: { ...EXPOSED, FOOTFALL_ADMIN_KEY: 'an-admin-key-for-tests' },
  });
  expect((await fetch(`${service.httpUrl}/v1/spaces`)).status).toBe(401);
});
