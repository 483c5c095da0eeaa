// A typed client is generated from the OpenAPI document, a program that uses it compiles, and its answers are right.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { httpClient } from '../support/http.ts';
import { PROJECT_DIR, startService } from '../support/service.ts';

const run = promisify(execFile);
const MODULES = join(PROJECT_DIR, 'node_modules');
const OPTIONS = {
  compilerOptions: {
    target: 'esnext',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: false,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    rewriteRelativeImportExtensions: true,
    outDir: 'out',
    types: ['node'],
  },
  include: ['*.ts'],
};

/** The generator cannot write negative numbers: for it the direction is any integer. */
function withoutNegatives(_: string, value: unknown): unknown {
  const { const: only, enum: all } = (value ?? {}) as { const?: number; enum?: number[] };
  return Number(only) < 0 || all?.some((one) => one < 0) ? { type: 'integer' } : value;
}

test('a program that uses the generated client compiles, and gets what it expects', async () => {
  await using service = await startService();
  const document = await httpClient(service.httpUrl).get('/openapi.json');
  mkdirSync(join(MODULES, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(MODULES, '.cache', 'client-'));
  try {
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
    write('openapi.json', JSON.stringify(JSON.parse(JSON.stringify(document), withoutNegatives)));
    write('package.json', '{"type":"module"}');
    write('tsconfig.json', JSON.stringify(OPTIONS));
    await run(process.execPath, [join(MODULES, 'oazapfts/dist/cli.js'), 'openapi.json', 'api.ts'], { cwd: folder });
    cpSync(join(PROJECT_DIR, 'test/support/typed-tour.ts'), join(folder, 'tour.ts'));
    const compiled = await run(join(MODULES, '.bin/tsc'), ['-p', folder]).catch((error: { stdout: string }) => error);
    expect(compiled.stdout).toBe('');
    const { tour } = await import(join(folder, 'out/tour.js'));
    expect(await tour(service.httpUrl)).toEqual({
      count: 3,
      status: expect.stringMatching(/^(settled|provisional)$/),
      series: [1, 2, 3, 3],
      wouldBe: -1,
      problem: 'space_not_found',
      events: 3,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
