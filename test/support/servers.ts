// Real servers for tests: an address in the environment, else the program on this machine, on a free port with a temporary folder.
//
//   const redis = await startRedis();           // redis.missing tells why there is none
//   await redis.kill(); await redis.start();     // same port, same folder
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { temporaryDir } from './temporary-dir.ts';

/** From the start of a server until it answers. */
const READY_TIMEOUT_MS = 30_000;
const LOOK_EVERY_MS = 20;

export type Server = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** Starts the same server again: same port, same folder. */
  start(): Promise<void>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT: there, but not answering. */
  pause(): void;
  resume(): void;
};

export type InfluxServer = Server & { readonly token: string; readonly org: string };

/** A process of tests that is killed leaves no server behind, where the system has a way (util-linux). */
const DIES_WITH_US = isOnPath('setpriv') ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Why a server is missing on this machine, as a sentence; null: it can be started. */
export function whyNoRedis(): string | null {
  return isOnPath('redis-server') ? null : 'redis-server is not on the PATH';
}

export function whyNoInflux(): string | null {
  return influxdPath() === null ? 'influxd is neither on the PATH nor named by INFLUXD' : null;
}

/** A Redis whose settings keep the promises; `settings` over them. */
export async function startRedis(settings: readonly string[] = []): Promise<Server> {
  const port = await freePort();
  const dir = temporaryDir();
  const standard = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction', '--save', ''];
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, ...standard, ...settings];
  const url = `redis://127.0.0.1:${port}`;
  return startServer('redis-server', args, { url, port }, () => answersPing(url));
}

/** An InfluxDB with an organization `footfall` and a token that may do everything. */
export async function startInflux(): Promise<InfluxServer> {
  const port = await freePort();
  const dir = temporaryDir();
  const url = `http://127.0.0.1:${port}`;
  const args = [
    ...['--bolt-path', join(dir, 'influxd.bolt'), '--engine-path', join(dir, 'engine')],
    ...['--sqlite-path', join(dir, 'influxd.sqlite'), '--http-bind-address', `127.0.0.1:${port}`],
    ...['--reporting-disabled', '--log-level', 'error'],
  ];
  const server = await startServer(influxdPath() ?? 'influxd', args, { url, port }, async () => {
    const response = await fetch(`${url}/health`).catch(() => null);
    return response?.ok === true;
  });
  const [token, org] = ['a-token-for-tests', 'footfall'];
  const setup = { username: 'tests', password: 'a-password-for-tests', org, bucket: 'setup', token };
  const response = await fetch(`${url}/api/v2/setup`, { method: 'POST', body: JSON.stringify(setup) });
  if (!response.ok) throw new Error(`InfluxDB cannot be set up: ${await response.text()}`);
  return Object.assign(server, { token, org });
}

export async function startServer(
  program: string,
  args: readonly string[],
  at: { url: string; port: number },
  isReady: () => Promise<boolean>,
): Promise<Server> {
  let child: ChildProcess | undefined;
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  const start = async () => {
    let log = '';
    const [command, ...before] = [...DIES_WITH_US, program];
    const started = spawn(command as string, [...before, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    running.add(started);
    started.on('exit', () => running.delete(started));
    for (const stream of [started.stdout, started.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        log = (log + chunk.toString()).slice(-5_000);
      });
    }
    const untilMs = performance.now() + READY_TIMEOUT_MS;
    while (!(await isReady())) {
      if (started.exitCode !== null) throw new Error(`${program} ended with ${started.exitCode}:\n${log}`);
      if (performance.now() > untilMs) throw new Error(`${program} is not ready:\n${log}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  };
  await start();
  return {
    ...at,
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    kill,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    [Symbol.asyncDispose]: kill,
  };
}

async function answersPing(url: string): Promise<boolean> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return (await redis.ping()) === 'PONG';
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}

function influxdPath(): string | null {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const built = join(cache, 'footfall', 'influxd-2.7.12', 'influxd');
  const named = process.env['INFLUXD'];
  if (named !== undefined) return named;
  if (isOnPath('influxd')) return 'influxd';
  return existsSync(built) ? built : null;
}

export function isOnPath(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

/**
 * A port that a server may be killed on and started on again: below those that the system gives out by itself (32768 on
 * Linux), and of a range that no other process of tests takes ports from.
 */
const FIRST_PORT = 12_000;
const PORTS_PER_PROCESS = 1_000;
const RANGES = 20;
let nextPort = 0;

export async function freePort(): Promise<number> {
  const range = Number(process.env['VITEST_POOL_ID'] ?? 0) % RANGES;
  for (;;) {
    // Beginning by chance, because another run of all tests has the same ranges.
    if (nextPort === 0) nextPort = 1 + (process.pid % (PORTS_PER_PROCESS - 1));
    const port = FIRST_PORT + range * PORTS_PER_PROCESS + (nextPort++ % PORTS_PER_PROCESS);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
