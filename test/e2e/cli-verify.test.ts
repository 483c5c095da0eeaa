// `verify` and `rebuild` on a data directory without a service, beside one, and on numbers that somebody has bent; `simulate`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test, vi } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

function simulate(service: Service, ...options: string[]) {
  const addresses = ['--url', service.httpUrl, '--mqtt', service.mqttUrl];
  return runCommand(['simulate', '--seconds', '2', '--rate', '200', '--dpus', '30', ...addresses, ...options]);
}

test('simulate leaves what was there, loses no late event, counts no duplicate, and can be run again', async () => {
  await using service = await startService();
  const api = httpClient(service.httpUrl);
  await api.post('/v1/spaces', { id: 'mine' });
  for (const shares of [['--late', '0.3', '--duplicate', '0.3'], []]) {
    const { code, stdout, stderr } = await simulate(service, ...shares);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/every count is right: \d+ spaces, now and at 10 moments of the run/);
    expect(code).toBe(0);
  }
  expect((await api.get('/v1/spaces/mine')).id).toBe('mine');
  const { equal, events } = await api.post('/v1/verify');
  expect({ equal, many: events > 400 }).toEqual({ equal: true, many: true });
});

test('simulate takes another building once an import has retired its own', async () => {
  await using service = await startService();
  expect((await simulate(service, '--seconds', '1')).code).toBe(0);
  const file = join(temporaryDir(), 'plan.json');
  writeFileSync(file, '{"spaces":[{"id":"mine"}],"doorways":[],"dpus":[],"resets":[]}');
  const imported = await runCommand(['import', file, '--url', service.httpUrl]);
  expect(imported.stdout).toBe('imported 1 spaces, 0 doorways, 0 DPUs\n');
  const again = await simulate(service, '--seconds', '1');
  expect(again.stdout).toContain('sim2-1');
  expect(again.code).toBe(0);
});

test('simulate tells when counts are wrong, and the exit code is 1', async () => {
  await using service = await startService();
  const running = simulate(service);
  // Somebody else's event at one of its doors is a person who is not there.
  const api = httpClient(service.httpUrl);
  await vi.waitFor(async () => expect((await api.get('/v1/events')).total).toBeGreaterThan(50), { timeout: 20_000 });
  await api.post('/v1/dpus/sim-dpu-1/events', { timestamp: '2018-01-01T00:00:00Z', direction: 1 });
  const { code, stdout, stderr } = await running;
  expect(stdout).toMatch(/\d+ counts are wrong/);
  expect(stderr).toMatch(/now: sim has \d+ people in it, the service says \d+/);
  expect(code).toBe(1);
});

test('without a service both work on the data directory; a bent live count is named, and rebuilt', async () => {
  const service = await startService();
  expect((await simulate(service)).code).toBe(0);
  await service.kill('SIGKILL');
  const environment = { FOOTFALL_DATA_DIR: service.dataDir };
  const equal = await runCommand(['verify'], environment);
  expect(equal.stdout).toMatch(/^equal: \d+ spaces, \d+ events, journal position \d+, /);
  expect(equal.stdout).toContain(service.dataDir);
  expect(equal.code).toBe(0);

  const database = new DatabaseSync(join(service.dataDir, 'history.sqlite'));
  database.exec(`
    UPDATE live SET entrances = entrances + 5, since_entrances = since_entrances + 5
    WHERE space = (SELECT number FROM space WHERE id = 'sim-1')`);
  database.close();
  const unequal = await runCommand(['verify'], environment);
  expect(unequal.stdout).toMatch(/^sim-1: live \d+, history \d+, replay \d+/);
  expect(unequal.code).toBe(1);
  const rebuilt = await runCommand(['rebuild'], environment);
  expect(rebuilt.stdout).toMatch(/^sim-1: live/);
  expect(rebuilt.stdout).toMatch(/^rebuilt, 1 differed: /m);
  expect(rebuilt.code).toBe(1);
  expect((await runCommand(['verify'], environment)).code).toBe(0);
  await service.restart();
  await service.stop();
});

test('where there is no data directory, that is said', async () => {
  const { code, stderr } = await runCommand(['verify'], { FOOTFALL_DATA_DIR: join(temporaryDir(), 'nothing') });
  expect(stderr).toMatch(/^there is no data in .*nothing \(FOOTFALL_DATA_DIR\).*--url.*\n$/);
  expect(code).toBe(1);
});

test('a faulty configuration is wrong use', async () => {
  const { code, stderr } = await runCommand(['verify'], { FOOTFALL_HTTP_PORT: 'x' });
  expect(stderr).toMatch(/^FOOTFALL_HTTP_PORT: /);
  expect(code).toBe(2);
});

test('import lists every fault of a plan and changes nothing; a file that is not JSON is told', async () => {
  await using service = await startService();
  const api = httpClient(service.httpUrl);
  const file = join(temporaryDir(), 'plan.json');
  writeFileSync(
    file,
    '{"spaces":[{"id":"a","parent_id":"nowhere"},{"id":"b c"}],"doorways":[{"id":"d","a":null,"b":null}]}',
  );
  const refused = await runCommand(['import', file, '--url', service.httpUrl]);
  expect(refused.stderr).toMatch(/^nothing was imported: /);
  expect(refused.stderr.split('\n').filter((line) => line.startsWith('  ')).length).toBeGreaterThan(0);
  expect(refused.code).toBe(1);
  expect((await api.get('/v1/spaces')).total).toBe(0);
  writeFileSync(file, '{"spaces":');
  const broken = await runCommand(['import', file, '--url', service.httpUrl]);
  expect(broken.stderr).toMatch(/plan.json is not JSON/);
  expect(broken.code).toBe(1);
});
