// Runs the command line as a user does, in a process of its own, with nothing inherited from the machine.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { PROJECT_DIR } from './service.ts';

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type RunningCommand = { readonly child: ChildProcess; readonly ended: Promise<Ended>; stderr(): string };

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts `footfall …args`; `environment` is all that it sees. */
export function startCommand(args: readonly string[], environment: Record<string, string> = {}): RunningCommand {
  const env = { NODE_COMPILE_CACHE: 'node_modules/.cache/footfall', ...environment };
  const child = spawn(process.execPath, ['footfall.ts', ...args], { cwd: PROJECT_DIR, env });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  running.add(child);
  const ended = once(child, 'close').then(([code]): Ended => {
    running.delete(child);
    return { code, ...output };
  });
  return { child, ended, stderr: () => output.stderr };
}

/** Runs `footfall …args` to its end. */
export function runCommand(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  return startCommand(args, environment).ended;
}
