// The primary's side of broker workers: one process a slot, each with a journal partition of its own, replaced when it dies.
//
//   connection ──by the kernel──▶ worker in slot 1, 2, … ──▶ its partition ──▶ PUBACK
//   primary ─ a worker ended ──▶ another one in its slot, with its partition; its clients connect again
import cluster, { type Worker } from 'node:cluster';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { ClaimsExchange } from '../shared/claims.ts';
import type { Clock } from '../shared/clock.ts';
import type { Log } from '../shared/log.ts';
import type { Reading } from '../shared/metrics/reading.ts';
import { type Boards, Passing } from '../shared/notices.ts';
import { TICKET_KEYS_BYTES } from './tls.ts';
import type { Ports, ToPrimary, ToWorker } from './worker-messages.ts';
import { WorkerReadings } from './worker-readings.ts';

/** A worker that lived shorter than this is replaced only after as long: something is wrong that a new one will meet too. */
const LIFE_MS_MIN = 1_000;
/** For a worker to answer what is under way and store it; then it is ended. What it has not acknowledged is sent again. */
const STOP_TIMEOUT_MS = 7_500;

/**
 * The heap of a worker is what its connections are made of, and lives as long as they do. V8 would look through all of it
 * whenever it has grown by a tenth, and once little is going on to give some back, and those who publish then wait for a
 * hundred milliseconds: it is to wait until the heap has doubled, and for nothing else.
 */
const HEAP_FLAGS = ['--heap-growing-percent=100', '--no-memory-reducer'];

export type Workers = {
  readonly ports: Ports;
  /** Passes claims on between workers, and whoever else joins. */
  readonly exchange: ClaimsExchange;
  /** Credentials have changed. */
  changed(): void;
  /** What all of them have counted, those that ended too. */
  measure(): Promise<Reading[]>;
  close(): Promise<void>;
};

export type WorkersOptions = {
  readonly count: number;
  readonly host: string;
  readonly tlsHost: string;
  readonly ports: Ports;
};

/** Resolves when all workers take connections; rejects when one of them cannot. */
export async function startWorkers(
  { clock, log, boards }: { clock: Clock; log: Log; boards: Boards },
  options: WorkersOptions,
): Promise<Workers> {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  const exec = fileURLToPath(new URL('worker.ts', import.meta.url));
  cluster.setupPrimary({ exec, args: [], execArgv: [...process.execArgv, ...HEAP_FLAGS] });
  const ports = await fixedPorts(options);
  const exchange = new ClaimsExchange();
  // Sessions of TLS that one worker has begun can be resumed at every other.
  const ticketKeys = randomBytes(TICKET_KEYS_BYTES);
  const running = new Map<number, Worker>();
  const readings = new WorkerReadings<Worker>((worker) => send(worker, { kind: 'measure' }));
  let closing = false;

  const start = (slot: number): Promise<void> => {
    const startedAtMs = clock.monotonicMs();
    const worker = cluster.fork();
    running.set(slot, worker);
    readings.joined(worker);
    const membership = exchange.join((claimed) => send(worker, { kind: 'claimed', claimed }));
    const passing = new Passing(boards, (board, told) => send(worker, { kind: 'notices', board, told }));
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    worker.on('message', (message: ToPrimary) => {
      if (message.kind === 'claim') membership.claim(message.clientIds);
      else if (message.kind === 'ready') resolve();
      else if (message.kind === 'measured') readings.told(worker, message.readings);
      else if (message.kind === 'follow') passing.follow(message.board);
      else if (message.kind === 'unfollow') passing.unfollow(message.board);
      else reject(Object.assign(new Error(message.message), { syscall: message.isPortTaken ? 'listen' : undefined }));
    });
    worker.on('error', (error) => log.warn({ err: error, worker: slot }, 'a broker worker cannot be reached'));
    worker.once('exit', (code, signal) => {
      membership.leave();
      passing.end();
      readings.left(worker);
      running.delete(slot);
      reject(new Error(`broker worker ${slot} ended (${signal ?? code}) before it was ready`));
      if (closing) return;
      log.error({ worker: slot, code, signal }, 'a broker worker ended; another one takes its place');
      const restMs = clock.monotonicMs() - startedAtMs < LIFE_MS_MIN ? LIFE_MS_MIN : 0;
      setTimeout(() => void replace(slot), restMs);
    });
    send(worker, { kind: 'start', slot, ports, ticketKeys });
    return ready;
  };
  const replace = async (slot: number): Promise<void> => {
    if (closing) return;
    // One that does not get ready ends, and is replaced in its turn.
    await start(slot).catch((error) => log.error({ err: error, worker: slot }, 'a broker worker could not start'));
  };
  const passOn = () => {
    for (const worker of running.values()) worker.process.kill('SIGHUP');
  };
  process.on('SIGHUP', passOn);
  const close = async (): Promise<void> => {
    closing = true;
    process.off('SIGHUP', passOn);
    await Promise.all([...running.values()].map(stopWorker));
  };

  try {
    await Promise.all(Array.from({ length: options.count }, (_, index) => start(index + 1)));
    const changed = () => {
      for (const worker of running.values()) send(worker, { kind: 'changed' });
    };
    return { ports, exchange, changed, measure: () => readings.measure(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Free ports are chosen once: when no worker is left for a moment, the next ones must come back to the same. Others are
 * tried, because workers share them and would not notice that another program listens there.
 */
async function fixedPorts({ host, tlsHost, ports: { mqtt, ws, mqtts } }: WorkersOptions): Promise<Ports> {
  const fixed = async (port: number | null, on: string) => (port === null ? null : portToHave(port, on));
  return { mqtt: await fixed(mqtt, host), ws: await fixed(ws, host), mqtts: await fixed(mqtts, tlsHost) };
}

async function portToHave(wanted: number, host: string): Promise<number> {
  const server = createServer().listen(wanted, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** One that is ending is not told any more. */
function send(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => undefined);
}

async function stopWorker(worker: Worker): Promise<void> {
  if (worker.isDead()) return;
  const exited = once(worker, 'exit');
  const timer = setTimeout(() => worker.process.kill('SIGKILL'), STOP_TIMEOUT_MS);
  if (worker.isConnected()) send(worker, { kind: 'stop' });
  else worker.process.kill('SIGKILL');
  await exited;
  clearTimeout(timer);
}
