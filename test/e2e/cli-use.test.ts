// The command line used rightly and wrongly: help, exit codes, and words that say what to do.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

const COMMANDS = ['start', 'import', 'export', 'replay', 'count', 'simulate', 'verify', 'rebuild'];

test('--help lists every command', async () => {
  const { code, stdout } = await runCommand(['--help']);
  expect(code).toBe(0);
  for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
});

test.each(COMMANDS)('%s --help tells how it is used', async (command) => {
  const { code, stdout } = await runCommand([command, '--help']);
  expect(code).toBe(0);
  expect(stdout).toContain(`Usage: footfall ${command}`);
  if (command !== 'start') expect(stdout).toContain('--url <url>');
});

const WRONG_USE: [words: string, args: string[], says: RegExp][] = [
  ['no command', [], /Usage: footfall/],
  ['an unknown command', ['fly'], /unknown command 'fly'/],
  ['an unknown option', ['count', 'A', '--when', 'now'], /unknown option '--when'/],
  ['a missing argument', ['replay'], /missing required argument 'events.csv'/],
  ['one argument too many', ['count', 'A', 'B'], /too many arguments/],
  ['a time that is none', ['count', 'A', '--at', 'yesterday'], /--at.*such as 2018-02-24T08:45:21.893Z/s],
  ['a date that does not exist', ['count', 'A', '--at', '2018-02-30T00:00:00Z'], /--at/],
  ['an id that is none', ['count', 'a/b'], /a\/b is not an id/],
  ['an address that is none', ['count', 'A', '--url', 'localhost'], /--url.*such as http:\/\/127.0.0.1:8080/s],
  ['an address of another kind', ['replay', 'x.csv', '--mqtt', 'http://127.0.0.1'], /--mqtt.*mqtt:\/\//s],
  ['a speed that is none', ['replay', 'x.csv', '--speed', '0'], /--speed.*max or a number above 0/s],
  ['a share above one', ['simulate', '--late', '2'], /--late.*from 0 to 1/s],
  ['half a DPU', ['simulate', '--dpus', '1.5'], /--dpus.*whole number/s],
  ['a file that is not there', ['import', '/nowhere/plan.json'], /there is no file \/nowhere\/plan.json/],
  ['a folder for a file', ['replay', '/tmp'], /\/tmp is a directory/],
];

test.each(WRONG_USE)('%s is wrong use: exit code 2', async (_, args, says) => {
  const { code, stdout, stderr } = await runCommand(args);
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});

/** A port of the discard service, on which nothing listens. */
const NOWHERE = ['--url', 'http://127.0.0.1:9'];

test.each([
  ['count', ['count', 'A', ...NOWHERE]],
  ['export', ['export', ...NOWHERE]],
  ['simulate', ['simulate', ...NOWHERE]],
  ['verify', ['verify', ...NOWHERE]],
  ['rebuild', ['rebuild', ...NOWHERE]],
])('%s without a service says in one line what to do: exit code 1', async (_, args) => {
  const { code, stderr } = await runCommand(args);
  expect(stderr).toMatch(
    /^cannot reach http:\/\/127\.0\.0\.1:9 \(.*\): start the service with `npm start`, or .*--url.*\n$/,
  );
  expect(code).toBe(1);
});

test('replay without a broker says in one line what to do: exit code 1', async () => {
  const file = join(temporaryDir(), 'events.csv');
  writeFileSync(file, 'timestamp,direction,dpu_id\n2018-01-01T00:00:00Z,1,d\n');
  const { code, stderr } = await runCommand(['replay', file, '--mqtt', 'mqtt://127.0.0.1:9']);
  expect(stderr).toMatch(/^cannot reach mqtt:\/\/127\.0\.0\.1:9 \(.*--mqtt.*\n$/);
  expect(code).toBe(1);
});
