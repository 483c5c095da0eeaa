// Records the workload's disk calls once, and has several processes check the disk states that they allow.
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type DiskFault, shimEnvironment } from './disk-shim.ts';
import { type Sampling, type SamplingResult, takeMarks } from './power-loss-samples.ts';
import type { StoresPlant } from './power-loss-stores.ts';

/** One process a core of the machines that run the tests. */
const PROCESSES = 2;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

export type Recording = { readonly log: string; readonly seed: number; readonly length: number };

export type RecordOptions = {
  readonly library: string;
  /** An empty folder. */
  readonly folder: string;
  readonly seed: number;
  /** Messages. */
  readonly length: number;
  readonly plant?: StoresPlant | 'acknowledge_first';
  readonly fault?: DiskFault;
  /** A first process is killed at this sync of the journal, its entry written and not synced; a second one goes on. */
  readonly killedAtSync?: number;
};

export function recordWorkload(options: RecordOptions): Recording {
  const { folder, seed, length, plant = 'none', fault } = options;
  const paths = { data: join(folder, 'data'), log: join(folder, 'calls.log'), marks: join(folder, 'marks') };
  mkdirSync(paths.data);
  const run = (from: number, injected: DiskFault | undefined) => {
    const child = join(import.meta.dirname, 'power-loss-child.ts');
    const numbers = [seed, length, from].map(String);
    const ended = spawnSync(process.execPath, [child, paths.data, paths.marks, ...numbers, plant], {
      env: shimEnvironment(options.library, paths.data, {
        record: { log: paths.log, marks: paths.marks },
        ...(injected === undefined ? {} : { fault: injected }),
      }),
      timeout: 60_000,
    });
    // The child ends itself with SIGKILL when it is done, so that nothing is closed in order.
    if (ended.signal !== 'SIGKILL') throw new Error(`the recorded process failed: ${ended.stderr}`);
  };
  if (options.killedAtSync !== undefined)
    run(0, { fault: 'kill', calls: ['sync'], files: 'journal', at: options.killedAtSync });
  run(firstUnacknowledged(paths.marks), fault);
  const { messages } = acknowledgedIn(paths.marks);
  if (messages.size < length) throw new Error(`only ${messages.size} of ${length} messages were acknowledged`);
  return { log: paths.log, seed, length };
}

/** Builds `states` disk states of the recording and checks those that differ; may end early (see Sampling). */
export async function checkRecording(
  { log, seed, length }: Recording,
  { states, wrongMax, until }: Pick<Sampling, 'states' | 'wrongMax' | 'until'>,
): Promise<SamplingResult> {
  const worker = join(import.meta.dirname, 'power-loss-worker.ts');
  const results = await Promise.all(
    Array.from({ length: PROCESSES }, async (_, part) => {
      const numbers = [seed, length, states, part, PROCESSES, wrongMax].map(String);
      const { stdout } = await promisify(execFile)(process.execPath, [worker, log, ...numbers, until ?? ''], {
        maxBuffer: OUTPUT_BYTES_MAX,
      });
      return JSON.parse(stdout) as SamplingResult;
    }),
  );
  return {
    built: results.reduce((sum, { built }) => sum + built, 0),
    checked: results.reduce((sum, { checked }) => sum + checked, 0),
    wrong: results.flatMap(({ wrong }) => wrong),
  };
}

function acknowledgedIn(marks: string) {
  const acknowledged = { messages: new Set<number>(), facts: 0 };
  if (existsSync(marks)) takeMarks(readFileSync(marks, 'utf8'), acknowledged);
  return acknowledged;
}

function firstUnacknowledged(marks: string): number {
  const { messages } = acknowledgedIn(marks);
  let number = 0;
  while (messages.has(number)) number += 1;
  return number;
}
