// The README says what the code does: error codes, variables, commands and files are compared with it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROBLEMS } from '../../api/problem.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

test('the error table holds every code with its status, and no other', () => {
  const rows = [...README.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \|/gm)].map((row) => `${row[1]} ${row[2]}`);
  const codes = Object.entries(PROBLEMS).map(([code, { status }]) => `${code} ${status}`);
  expect(rows.toSorted()).toEqual(codes.toSorted());
});

test('the configuration table holds every variable, and no other', () => {
  const section = README.slice(README.indexOf('## Configuration'), README.indexOf('## Sending events'));
  const documented = new Set(section.match(/FOOTFALL_[A-Z_]*[A-Z]/g));
  const read = new Set(readFileSync(join(ROOT, 'shared/config.ts'), 'utf8').match(/FOOTFALL_[A-Z_]*[A-Z]/g));
  expect([...documented].toSorted()).toEqual([...read].toSorted());
});

test('the lines that run and test it on a fresh machine stand there', () => {
  for (const line of ['npm ci && npm start', 'npm ci && npm test']) expect(README).toContain(`\n${line}\n`);
});

test('every file that it names is there', () => {
  const named = README.match(/`(?:api|broker|processor|shared|test)\/[A-Za-z0-9_./-]+\.(?:ts|sql)`/g) ?? [];
  expect(named.length).toBeGreaterThan(5);
  expect(named.map((name) => name.slice(1, -1)).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});
