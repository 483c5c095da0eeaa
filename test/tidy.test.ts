// The house rules as a test: who may import whom, where time and environment are read, how long a file may be.
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const LINES_MAX = 220;

type Source = { readonly path: string; readonly text: string; readonly imports: readonly string[] };

const sources: Source[] = globSync('{broker,processor,api,shared,test}/**/*.ts', { cwd: ROOT })
  .concat('footfall.ts')
  .map((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => String(match[1]));
    const imports = specifiers.map((specifier) =>
      specifier.startsWith('.') ? relative(ROOT, join(ROOT, dirname(path), specifier)) : specifier,
    );
    return { path, text, imports };
  });
const product = sources.filter(({ path }) => !path.startsWith('test/'));

function offenders(of: readonly Source[], isOffence: (source: Source) => boolean): string[] {
  return of.filter(isOffence).map(({ path }) => path);
}

test('there is something to look at', () => {
  expect(product.length).toBeGreaterThan(50);
});

test('a service imports only shared/ and itself', () => {
  const isForeign = (from: string, target: string) =>
    /^(broker|processor|api|test|footfall\.ts)\b/.test(target) && !target.startsWith(`${from}/`);
  const isOffence = ({ path, imports }: Source) => {
    const service = String(path.split('/')[0]);
    return path !== 'footfall.ts' && imports.some((target) => isForeign(service, target));
  };
  expect(offenders(product, isOffence)).toEqual([]);
});

test('storage adapters are opened by open.ts only, and the domain does no input or output', () => {
  const reachesIn = ({ path, imports }: Source) =>
    !path.startsWith('shared/storage/') &&
    imports.some((target) => target.startsWith('shared/storage/sqlite/') && target !== 'shared/storage/sqlite/lock.ts');
  expect(offenders(product, reachesIn)).toEqual([]);
  const domain = 'atlas calendar event fact floorplan ids mapping message reset timestamp versions'.split(' ');
  const doesIo = ({ path, imports }: Source) =>
    domain.some((name) => path === `shared/${name}.ts`) && imports.some((target) => target.startsWith('node:'));
  expect(offenders(product, doesIo)).toEqual([]);
});

test('vendors live at home', () => {
  const homes: Record<string, RegExp> = {
    aedes: /^broker\//,
    'mqtt-packet': /^broker\//,
    ws: /^broker\//,
    fastify: /^api\//,
    'node:sqlite': /^shared\/storage\/sqlite\//,
    commander: /^(footfall\.ts|shared\/commands\/)/,
    pino: /^shared\/log\.ts$/,
    'prom-client': /^shared\/metrics\//,
    '@opentelemetry/api': /^shared\/traces\//,
    '@opentelemetry/sdk-trace': /^shared\/traces\//,
  };
  const strays = product.flatMap(({ path, imports }) =>
    imports
      .filter((target) => homes[target] !== undefined && !homes[target]?.test(path))
      .map((target) => `${path}: ${target}`),
  );
  expect(strays).toEqual([]);
});

test('only config.ts reads the environment, only clock.ts a clock', () => {
  const readsEnvironment = ({ path, text }: Source) => path !== 'shared/config.ts' && /process\.env\b/.test(text);
  expect(offenders(product, readsEnvironment)).toEqual([]);
  const readsClock = ({ path, text }: Source) =>
    path !== 'shared/clock.ts' &&
    /Date\.now\(|new Date\(\)|performance\.now\(|Temporal\.Now|process\.hrtime/.test(text);
  expect(offenders(product, readsClock)).toEqual([]);
});

test('every file says first what it holds, and is short', () => {
  expect(offenders(sources, ({ text }) => !/^(#!.*\n)?\/\/ \S/.test(text))).toEqual([]);
  expect(offenders(product, ({ text }) => text.split('\n').length > LINES_MAX)).toEqual([]);
});

test('nothing is unfinished, untyped or switched off', () => {
  const marks = new RegExp(
    ['TO' + 'DO', 'FIX' + 'ME', '@ts-' + 'ignore', '@ts-' + 'nocheck', '\\bas ' + 'any\\b'].join('|'),
  );
  expect(offenders(sources, ({ text }) => marks.test(text))).toEqual([]);
});

test('no test waits for time to pass', () => {
  const sleeps = ({ path, text }: Source) =>
    path.endsWith('.test.ts') && /setTimeout\(\s*(resolve|done|r)\b|timers\/promises/.test(text);
  expect(offenders(sources, sleeps)).toEqual([]);
});

test('lint, format and types hold', async () => {
  const run = promisify(execFile);
  const bin = join(ROOT, 'node_modules/.bin');
  await run(join(bin, 'biome'), ['check', '.'], { cwd: ROOT });
  await run(join(bin, 'tsc'), ['--noEmit'], { cwd: ROOT });
  await run(join(bin, 'tsc'), ['--noEmit', '-p', 'api/dashboard'], { cwd: ROOT });
}, 120_000);
