// The load generator as a process: compiled when it must be, started with its job, told what to do.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'hdr-histogram-js';
import { compileC } from '../../support/compile-c.ts';
import { removeDir, temporaryDir } from '../../support/temporary-dir.ts';
import { type GeneratorJob, writeJobFile } from './job-file.ts';

export type Latencies = { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };
export type Connected = { readonly connected: number; readonly retries: number };
export type Ran = { readonly messages: number; readonly elapsedMs: number; readonly cpuMs: number };
export type Published = { readonly published: number };

const SOURCES = ['generator.c', 'clock.h', 'job.h', 'timers.h'].map((file) => join(import.meta.dirname, file));

export class Generator {
  readonly #child: ChildProcess;
  readonly #dir: string;
  readonly #answers: AsyncIterator<string>;

  private constructor(child: ChildProcess, dir: string) {
    this.#child = child;
    this.#dir = dir;
    this.#answers = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  }

  /** Begins to connect. Throws when there is no C compiler. */
  static start(job: GeneratorJob): Generator {
    const program = compileC('load-generator', SOURCES, ['-O2']);
    if ('missing' in program) throw new Error(`the load generator ${program.missing}`);
    const dir = temporaryDir();
    writeJobFile(join(dir, 'job'), job);
    const child = spawn(program.path, [join(dir, 'job'), join(dir, 'latencies')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return new Generator(child, dir);
  }

  connected(): Promise<Connected> {
    return this.#answer<Connected>();
  }

  async run(): Promise<Ran & Latencies> {
    this.#child.stdin?.write('run\n');
    const ran = await this.#answer<Ran>();
    return { ...ran, ...this.#latencies() };
  }

  async publish(perSecond: number, seconds: number): Promise<Published & Latencies> {
    this.#child.stdin?.write(`publish ${perSecond} ${seconds}\n`);
    const published = await this.#answer<Published>();
    return { ...published, ...this.#latencies() };
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
    removeDir(this.#dir);
  }

  async #answer<Answer>(): Promise<Answer> {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('the load generator has ended');
    return JSON.parse(value) as Answer;
  }

  #latencies(): Latencies {
    const latenciesUs = build({ highestTrackableValue: 600_000_000, numberOfSignificantValueDigits: 3 });
    const bytes = readFileSync(join(this.#dir, 'latencies'));
    for (let at = 0; at < bytes.length; at += 4) latenciesUs.recordValue(bytes.readUInt32LE(at));
    const at = (percent: number) => latenciesUs.getValueAtPercentile(percent) / 1000;
    return { p50Ms: at(50), p99Ms: at(99), maxMs: latenciesUs.maxValue / 1000 };
  }
}
