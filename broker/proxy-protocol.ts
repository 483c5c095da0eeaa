// PROXY protocol, versions 1 and 2: the balancer in front says at the beginning of a connection whose it is.
// https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
import type { Socket } from 'node:net';

export type ProxyHeader = {
  /** Of the header. */
  readonly bytes: number;
  /** Null: the balancer's own connection (a health check), or one of no known family. */
  readonly address: string | null;
};

/** The first bytes are no header: somebody came past the balancer. */
export class ProxyHeaderError extends Error {}

const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const VERSION_1 = Buffer.from('PROXY ');
/** The longest header of version 1 (section 2.1). */
const VERSION_1_BYTES_MAX = 107;
/** Version, command, family, length (section 2.2). */
const VERSION_2_BYTES = 16;
/** Longest that is waited for in version 2, with extensions. */
const VERSION_2_BYTES_MAX = 2_048;
const FAMILY = { 17: 4, 33: 16 } as const;

/** The header at the beginning of `bytes`; null: it goes on. Throws ProxyHeaderError. */
export function readProxyHeader(bytes: Buffer): ProxyHeader | null {
  if (startsAlike(bytes, SIGNATURE)) return readVersion2(bytes);
  if (startsAlike(bytes, VERSION_1)) return readVersion1(bytes);
  throw new ProxyHeaderError('no header of the PROXY protocol');
}

function startsAlike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

function readVersion1(bytes: Buffer): ProxyHeader | null {
  const end = bytes.indexOf('\r\n');
  if (end === -1) {
    if (bytes.length >= VERSION_1_BYTES_MAX) throw new ProxyHeaderError('a header of version 1 that does not end');
    return null;
  }
  const [, family, source, , port] = bytes.toString('latin1', 0, end).split(' ');
  if (family === 'UNKNOWN') return { bytes: end + 2, address: null };
  const isKnown = (family === 'TCP4' || family === 'TCP6') && source !== undefined && port !== undefined;
  if (!isKnown || end + 2 > VERSION_1_BYTES_MAX) throw new ProxyHeaderError('a header of version 1 with a fault');
  return { bytes: end + 2, address: source };
}

function readVersion2(bytes: Buffer): ProxyHeader | null {
  if (bytes.length < VERSION_2_BYTES) return null;
  const versionAndCommand = bytes[12] as number;
  const length = VERSION_2_BYTES + bytes.readUInt16BE(14);
  if (versionAndCommand >> 4 !== 2 || length > VERSION_2_BYTES_MAX) {
    throw new ProxyHeaderError('a header of version 2 with a fault');
  }
  if (bytes.length < length) return null;
  const addressBytes = FAMILY[bytes[13] as keyof typeof FAMILY] as number | undefined;
  const isLocal = (versionAndCommand & 0x0f) === 0;
  if (isLocal || addressBytes === undefined) return { bytes: length, address: null };
  if (length < VERSION_2_BYTES + 2 * addressBytes + 4) throw new ProxyHeaderError('addresses that are cut off');
  const address = bytes.subarray(VERSION_2_BYTES, VERSION_2_BYTES + addressBytes);
  if (addressBytes === 4) return { bytes: length, address: address.join('.') };
  const groups = Array.from({ length: 8 }, (_, index) => address.readUInt16BE(2 * index).toString(16));
  return { bytes: length, address: groups.join(':') };
}

/** Takes the header off `socket`, then calls `accept` with the address that it names; `refuse` when there is none. */
export function takeProxyHeader(
  socket: Socket,
  timeoutMs: number,
  accept: (address: string | undefined) => void,
  refuse: (why: string) => void,
): void {
  let read: Buffer = Buffer.alloc(0);
  const end = (why: string) => {
    stop();
    socket.destroy();
    refuse(why);
  };
  const timer = setTimeout(() => end('the header did not come in time'), timeoutMs);
  const gone = () => stop();
  const look = () => {
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) read = Buffer.concat([read, chunk]);
    try {
      const header = readProxyHeader(read);
      if (header === null) return;
      stop();
      // What follows is read by whoever comes next, as if it had come first.
      if (read.length > header.bytes) socket.unshift(read.subarray(header.bytes));
      accept(header.address ?? socket.remoteAddress);
    } catch (error) {
      if (!(error instanceof ProxyHeaderError)) throw error;
      end(error.message);
    }
  };
  const stop = () => {
    clearTimeout(timer);
    socket.off('readable', look).off('close', gone).off('error', gone);
  };
  socket.on('readable', look).on('close', gone).on('error', gone);
}
