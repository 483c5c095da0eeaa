// Accepted sockets that are all read into one buffer. Node gives each piece that a socket reads 64 KiB of its own and takes
// back what was not needed, which costs as much as all that is done with a publish. For sockets that connect it has
// `onread` instead; those that a server accepts get it by being made anew around their handle.
import { type OnReadOpts, Socket } from 'node:net';

/** As much as Node reads at once (libuv, uv__read). */
const READ_BYTES = 65_536;
/** Every socket's: the loop reads one after the other, and deals with each piece before it reads the next. */
const buffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** What Node does not speak of: the connection itself, which a socket may be given. */
type Handle = { readonly useUserBuffer?: unknown };
type Held = { _handle: Handle | null | undefined };
type Options = { readonly handle: Handle; readonly allowHalfOpen: boolean; readonly onread: OnReadOpts };

/**
 * The connection of `accepted`, of which nothing may have been read yet (`pauseOnConnect`) and which is done with. What comes
 * with `data` is good until its listeners return; whoever needs it longer copies it.
 */
export function readShared(accepted: Socket): Socket {
  const held = accepted as unknown as Held;
  const handle = held._handle;
  // It may have gone already; and where Node has come to do this in another way it is read like any socket.
  if (typeof handle?.useUserBuffer !== 'function') return accepted.resume();
  const callback = (length: number): boolean => {
    socket.emit('data', buffer.subarray(0, length));
    return true;
  };
  const options: Options = { handle, allowHalfOpen: accepted.allowHalfOpen, onread: { buffer, callback } };
  // A server that closes would wait for it.
  held._handle = null;
  accepted.destroy();
  const socket = new Socket(options as object);
  return socket;
}
