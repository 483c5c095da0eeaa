// The whole service in a process of its own, on free ports and a temporary data directory, for tests and benches.
//
//   await using service = await startService();        // or: afterAll(() => service.stop())
//   await fetch(`${service.httpUrl}/v1/spaces/A/count`);
//   await service.kill('SIGKILL');
//   await service.restart();                           // same data, same ports
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { newStorage } from './storage.ts';
import { removeDir, temporaryDir } from './temporary-dir.ts';

/** The project's folder, where `footfall.ts` is. */
export const PROJECT_DIR = join(import.meta.dirname, '..', '..');

/** From the start of the process to the ready line: generous, because tests share the machine. */
const READY_TIMEOUT_MS = 30_000;
/** From SIGTERM to the exit: CONTRACT.md promises 10 s. */
const STOP_TIMEOUT_MS = 15_000;
/** What is kept of standard error, for messages of failed tests. */
const LOG_CHARACTERS_MAX = 200_000;

export type ServiceOptions = {
  /** FOOTFALL_ variables over the ones of the harness; nothing is inherited from the machine. */
  readonly environment?: Readonly<Record<string, string>>;
  /** One service by itself; default: all in one process. */
  readonly service?: 'broker' | 'processor' | 'api';
  /** Used as it is and left there by `stop`; default: a temporary directory, removed by `stop`. */
  readonly dataDir?: string;
  /** A command that runs the service's command line, such as `['strace', '-f', '-o', file]`. It must exec or pass on signals. */
  readonly wrapper?: readonly string[];
};

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type Service = AsyncDisposable & {
  readonly httpUrl: string;
  readonly mqttUrl: string;
  /** MQTT over WebSocket on the HTTP port. */
  readonly wsUrl: string;
  readonly httpPort: number;
  readonly mqttPort: number;
  /** Of MQTT over TLS; 0: none is configured. */
  readonly mqttsPort: number;
  readonly dataDir: string;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** The line that told that it was ready. */
  readonly readyLine: string;
  /** Settles when the process that runs now has ended. */
  readonly exited: Promise<Exit>;
  /** What the process wrote on standard error (its log), the newest part. */
  log(): string;
  /** Sends `signal` (default SIGKILL) and waits for the end of the process. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** After `kill`: starts again with the same data directory and the same ports. */
  restart(): Promise<void>;
  /** SIGTERM, waits for the exit (throws when that takes too long), removes the temporary data directory. */
  stop(): Promise<Exit>;
};

type Running = {
  readonly child: ChildProcess;
  readonly readyLine: string;
  readonly httpPort: number;
  readonly mqttPort: number;
  readonly mqttsPort: number;
  readonly exited: Promise<Exit>;
  readonly log: () => string;
};

const running = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts `footfall.ts start` and resolves once it is ready; rejects with its log when it ends before that. */
export async function startService(given: ServiceOptions = {}): Promise<Service> {
  const dataDir = given.dataDir ?? temporaryDir();
  const environment = { ...(await newStorage()), ...given.environment };
  const options = { ...given, environment };
  let now = await launch(dataDir, options, 0, 0);
  const exit = async (signal: NodeJS.Signals): Promise<Exit> => {
    now.child.kill(signal);
    return now.exited;
  };
  const stop = async (): Promise<Exit> => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      now.child.kill('SIGKILL');
    }, STOP_TIMEOUT_MS);
    const ended = await exit('SIGTERM');
    clearTimeout(timer);
    if (options.dataDir === undefined) removeDir(dataDir);
    if (late)
      throw new Error(`the service did not end within ${STOP_TIMEOUT_MS} ms of SIGTERM; its log:\n${now.log()}`);
    return ended;
  };
  return {
    get httpUrl() {
      return `http://127.0.0.1:${now.httpPort}`;
    },
    get mqttUrl() {
      return `mqtt://127.0.0.1:${now.mqttPort}`;
    },
    get wsUrl() {
      return `ws://127.0.0.1:${now.httpPort}/mqtt`;
    },
    get httpPort() {
      return now.httpPort;
    },
    get mqttPort() {
      return now.mqttPort;
    },
    get mqttsPort() {
      return now.mqttsPort;
    },
    get pid() {
      return now.child.pid as number;
    },
    get readyLine() {
      return now.readyLine;
    },
    get exited() {
      return now.exited;
    },
    dataDir,
    log: () => now.log(),
    kill: (signal = 'SIGKILL') => exit(signal),
    restart: async () => {
      if (running.has(now.child)) throw new Error('restart: the service is still running; kill it first');
      now = await launch(dataDir, options, now.httpPort, now.mqttPort);
    },
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

/** As the npm scripts have them. */
export const NODE_FLAGS = ['--max-semi-space-size=8'];

async function launch(dataDir: string, options: ServiceOptions, httpPort: number, mqttPort: number): Promise<Running> {
  const environment = {
    FOOTFALL_DATA_DIR: dataDir,
    FOOTFALL_HTTP_PORT: String(httpPort),
    FOOTFALL_MQTT_PORT: String(mqttPort),
    FOOTFALL_LOG_LEVEL: 'warn',
    NODE_COMPILE_CACHE: 'node_modules/.cache/footfall', // As the npm scripts set it.
    ...options.environment,
  };
  const [command, ...commandArguments] = [
    ...(options.wrapper ?? []),
    process.execPath,
    ...NODE_FLAGS,
    'footfall.ts',
    'start',
    ...(options.service === undefined ? [] : [options.service]),
  ];
  const child = spawn(command as string, commandArguments, {
    cwd: PROJECT_DIR,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-LOG_CHARACTERS_MAX);
  });
  const exited = once(child, 'close').then(([code, signal]): Exit => {
    running.delete(child);
    return { code, signal };
  });
  const readyLine = await ready(child, exited, () => log);
  const portOf = (door: 'mqtt' | 'mqtts' | 'http') =>
    Number(new RegExp(`\\b${door}=\\S+?:(\\d+)`).exec(readyLine)?.[1] ?? 0);
  const ports = { mqttPort: portOf('mqtt'), mqttsPort: portOf('mqtts'), httpPort: portOf('http') };
  return { child, readyLine, ...ports, exited, log: () => log };
}

function ready(child: ChildProcess, exited: Promise<Exit>, log: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the service was not ready after ${READY_TIMEOUT_MS} ms; its log:\n${log()}`));
    }, READY_TIMEOUT_MS);
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const line = /^footfall ready.*$/m.exec(output);
      if (line === null || !output.includes('\n', line.index)) return;
      clearTimeout(timer);
      resolve(line[0]);
    });
    child.on('error', (error) => {
      running.delete(child);
      reject(error);
    });
    void exited.then(({ code, signal }) => {
      clearTimeout(timer);
      reject(new Error(`the service ended (${signal ?? code}) before it was ready; its log:\n${log()}`));
    });
  });
}
