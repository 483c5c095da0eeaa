// Every operation of the OpenAPI document, called with generated requests, good and bad: no answer is a 5xx, and each is what
// the document says. The generator is Schemathesis, in the environment variable SCHEMATHESIS or on the PATH.
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, furnish, withKey } from '../support/confined.ts';
import { type Client, httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';
import { setting } from '../support/setting.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

const COMMAND = process.env['SCHEMATHESIS'] ?? 'schemathesis';
const isThere = spawnSync(COMMAND, ['--version']).status === 0;
/** Generated requests of each operation. */
const CASES = setting('FOOTFALL_TEST_FUZZ_CASES', 5);
/** Bounds the whole run; operations take turns, so that each gets its share. */
const TIME_S = setting('FOOTFALL_TEST_FUZZ_S', 60);
const SEED = setting('FOOTFALL_FAULT_SEED', Date.now() % 1_000_000);
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
];

/** An answer that never ends; test/e2e/http-live.test.ts reads it. */
const STREAM = '/v1/live';

let service: Service;
let admin: Client;

beforeAll(async () => {
  const environment = { FOOTFALL_ADMIN_KEY: ADMIN_KEY, FOOTFALL_REQUESTS_PER_S: '1000000' };
  service = await startService({ environment });
  admin = withKey(httpClient(service.httpUrl), ADMIN_KEY);
  await furnish(admin);
});
afterAll(() => service.stop());

type Run = { readonly code: number; readonly output: string };

function fuzz(): Promise<Run> {
  const folder = temporaryDir();
  const args = [
    ...['run', `${service.httpUrl}/openapi.json`, '--header', `Authorization: Bearer ${ADMIN_KEY}`],
    ...['--checks', CHECKS.join(','), '--phases', 'examples,fuzzing', '--max-examples', String(CASES)],
    ...[
      '--exclude-path',
      STREAM,
      '--continue-on-failure',
      '--max-time',
      String(TIME_S),
      '--request-timeout',
      '20',
      '--workers',
      '2',
    ],
    ...['--seed', String(SEED), '--warnings', 'off', '--no-color', '--generation-database', 'none'],
    ...['--report', 'json', '--report-json-path', join(folder, 'report.json')],
  ];
  return new Promise((done) => {
    execFile(COMMAND, args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr });
    });
  });
}

test(
  'no operation fails on generated requests, and every answer is what its schema says',
  async ({ skip }) => {
    if (!isThere) skip(`${COMMAND} is not there: pip install schemathesis, or set SCHEMATHESIS to it`);
    const { code, output } = await fuzz();
    const { paths } = await admin.get('/openapi.json');
    const all = Object.values(paths as Record<string, object>).flatMap((methods) => Object.keys(methods)).length;
    const operations = all - 1;
    expect(Object.keys(paths[STREAM])).toEqual(['get']);
    expect(output, `seed ${SEED}`).toContain(`Selected: ${operations}/${all}`);
    expect(code, `seed ${SEED}\n${output.slice(-20_000)}`).toBe(0);
    expect(output).toContain(`Tested: ${operations}`);
    expect((await admin.call('GET', '/readyz')).status).toBe(200);
  },
  (TIME_S + 60) * 1000,
);
