// A port in a worker thread: calls go over as messages and come back as promises, so that disk work stays off the event loop.
import { flushCompileCache, getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** Thrown in a thread, this ends the whole process: the state can only be trusted again after a fresh start. */
export class FatalError extends Error {}

type Call = { readonly id: number; readonly method: string; readonly args: readonly unknown[] };
type Reply = { readonly id: number; readonly result?: unknown; readonly error?: unknown; readonly fatal?: boolean };
type Port = { [method: string]: (...args: never[]) => unknown };

/** With what else is called in the same turn, or at the end of the callback: for calls that are large and few. */
type Leaving = 'together' | 'at once';

/** Every method of `Port` as a call into the thread, and `close`, which also ends the thread. */
export type Threaded<P> = {
  [Method in keyof P]: P[Method] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
} & { close(): Promise<void> };

/**
 * Starts `module` (whose body must call `serveThread`) with `options` in a thread. `onFatal` is told when the thread
 * ends by itself or throws FatalError; calls under way then never settle, so that nothing is acknowledged.
 * `calls`: when they leave.
 */
export function startThread<P extends object>(
  module: URL,
  options: object,
  onFatal: (error: Error) => void,
  calls: Leaving = 'together',
): Promise<Threaded<P>> {
  // A thread that finds its modules compiled needs 11 MB less than one that strips their types itself.
  const compiled = getCompileCacheDir();
  const env = compiled === undefined ? {} : { env: { NODE_COMPILE_CACHE: dirname(compiled) } };
  const worker = new Worker(module, { workerData: options, ...env });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: unknown) => void }>();
  let newest = 0;
  let closing = false;
  const send = together<Call>((list) => worker.postMessage(list), calls === 'at once' ? queueMicrotask : setImmediate);
  const call = (method: string, args: unknown[]) =>
    new Promise((resolve, reject) => {
      const id = ++newest;
      waiting.set(id, { resolve, reject });
      send({ id, method, args });
    });
  const close = async () => {
    if (closing) return;
    closing = true;
    await call('close', []);
    await worker.terminate();
  };
  const { promise: opened, resolve, reject } = Promise.withResolvers<Threaded<P>>();
  let isOpen = false;
  const fail = (error: Error) => {
    if (isOpen) onFatal(error);
    else reject(error);
  };
  const port = new Proxy({} as Threaded<P>, {
    // `then` must stay undefined, or awaiting the port would call it.
    get: (_, method) =>
      method === 'close' ? close : method === 'then' ? undefined : (...args: unknown[]) => call(String(method), args),
  });
  const take = (reply: Reply) => {
    if (reply.fatal) return fail(reply.error as Error);
    if (reply.id === 0) {
      isOpen = true;
      return resolve(port);
    }
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('error' in reply) caller?.reject(reply.error);
    else caller?.resolve(reply.result as never);
  };
  worker.on('message', (replies: readonly Reply[]) => replies.forEach(take));
  worker.on('error', (error) => fail(error as Error));
  worker.on('exit', () => {
    if (!closing) fail(new Error(`a storage thread ended: ${module.pathname.split('/').at(-1)}`));
  });
  return opened;
}

/** Inside the thread's module: opens the port with the options given, then answers calls until it is closed. */
export function serveThread<Options>(open: (options: Options) => object | Promise<object>): void {
  const parent = parentPort;
  if (isMainThread || parent === null) return;
  const reply = together<Reply>((list) => parent.postMessage(list), setImmediate);
  const fatal = (error: unknown) => parent.postMessage([{ id: 0, error, fatal: true } satisfies Reply]);
  const start = async () => {
    const port = (await open(workerData as Options)) as Port;
    flushCompileCache(); // Terminating a thread does not.
    const answer = async ({ id, method, args }: Call) => {
      try {
        reply({ id, result: await port[method]?.(...(args as never[])) });
      } catch (error) {
        if (error instanceof FatalError) fatal(error);
        else reply({ id, error });
      }
    };
    parent.on('message', (calls: readonly Call[]) => {
      for (const call of calls) void answer(call);
    });
    reply({ id: 0 });
  };
  start().catch(fatal);
}

/** Collects what is said until `later` calls, for `send`: to wake the other thread costs more than most calls. */
function together<Item>(send: (items: Item[]) => void, later: (flush: () => void) => void): (item: Item) => void {
  let items: Item[] = [];
  const flush = () => {
    const said = items;
    items = [];
    send(said);
  };
  return (item) => {
    if (items.push(item) === 1) later(flush);
  };
}
