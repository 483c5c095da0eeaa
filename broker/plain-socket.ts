// Accepted sockets of plain TCP, past what Node's streams cost a publish: all of them are read into one buffer, and short
// answers are written to the system itself. Node gives each piece that a socket reads 64 KiB of its own and takes back what
// was not needed, which costs as much as all that is done with a publish. For sockets that connect it has `onread` instead;
// those that a server accepts get it by being made anew around their handle.
import { writeSync } from 'node:fs';
import { type OnReadOpts, Socket } from 'node:net';

/** Whose socket it is. */
export type SocketOwner = {
  /** `chunk` has come; it is good until this returns. */
  receive(chunk: Buffer): void;
  /** The socket is being destroyed: its descriptor may be another's from now on. */
  gone(): void;
};

/** As much as Node reads at once (libuv, uv__read). */
const READ_BYTES = 65_536;
/** Every socket's: the loop reads one after the other, and deals with each piece before it reads the next. */
const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
const NO_DESCRIPTOR = -1;

/** What Node does not speak of: the connection itself, which a socket may be given. */
type Handle = { readonly useUserBuffer?: unknown; readonly fd?: number };
type Held = { _handle: Handle | null | undefined };
type Options = { readonly handle: Handle; readonly allowHalfOpen: boolean; readonly onread: OnReadOpts };

export class PlainSocket extends Socket {
  /** Null: what comes is told with `data`, and is good until its listeners return. */
  owner: SocketOwner | null = null;

  /** The number by which the system knows it, until `gone`; negative where there is none. */
  get descriptor(): number {
    return (this as unknown as Held)._handle?.fd ?? NO_DESCRIPTOR;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.owner?.gone();
    super._destroy(error, callback);
  }
}

/**
 * The connection of `accepted`, of which nothing may have been read yet (`pauseOnConnect`) and which is done with. Where Node
 * has come to do this in another way, and when it has gone already, it is `accepted` itself, like any socket.
 */
export function plainSocketOf(accepted: Socket): Socket {
  const held = accepted as unknown as Held;
  const handle = held._handle;
  if (typeof handle?.useUserBuffer !== 'function') return accepted.resume();
  const onread = { buffer, callback: passOn as OnReadOpts['callback'] };
  const options: Options = { handle, allowHalfOpen: accepted.allowHalfOpen, onread };
  // A server that closes would wait for it.
  held._handle = null;
  accepted.destroy();
  return new PlainSocket(options as object);
}

/**
 * Writes the first `length` bytes to the socket with this descriptor; answers how many the system has taken. None when it has
 * no room, nor when the connection is broken: Node says so when it writes itself.
 */
export function writeAtOnce(descriptor: number, bytes: Buffer, length: number): number {
  try {
    return writeSync(descriptor, bytes, 0, length);
  } catch {
    return 0;
  }
}

/** Node calls it as a method of the socket, so that all of them share it. */
function passOn(this: PlainSocket, length: number): boolean {
  const chunk = buffer.subarray(0, length);
  if (this.owner === null) this.emit('data', chunk);
  else this.owner.receive(chunk);
  return true;
}
