// The TLS door: 1.2 and 1.3, sessions resumed by whichever worker, certificates read again while it runs, and DPUs' own.
import { X509Certificate } from 'node:crypto';
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { createSecureContext, createServer, type Server, type TLSSocket } from 'node:tls';
import type { Log } from '../shared/log.ts';
import type { TlsConfig } from '../shared/tls-config.ts';

/** What Node takes: 16 bytes of a name, 16 and 16 of keys. */
export const TICKET_KEYS_BYTES = 48;
/** From the connection to the end of the handshake; a slow mobile link needs two seconds. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** A client that comes back within this time need not be asked for its certificate again. */
const SESSION_TIMEOUT_S = 3_600;
/** How often files are looked at. Not by notices of the file system: those miss what is mounted or reached by a link. */
const WATCH_MS = 1_000;
/** Sessions may be resumed only where they were begun: at brokers of footfall. */
const SESSION_CONTEXT = 'footfall-mqtt';

/** `certifiedId`: the common name of the client's certificate, which the configured authority has signed; null: it has none. */
export type AcceptTls = (socket: TLSSocket, certifiedId: string | null) => void;

export type TlsDoor = { readonly server: Server; close(): void };

/** Throws, saying which file is at fault. */
export function readTlsFiles({ certPath, keyPath, clientCaPath }: TlsConfig) {
  const cert = readNamed('FOOTFALL_TLS_CERT', certPath);
  const key = readNamed('FOOTFALL_TLS_KEY', keyPath);
  const ca = clientCaPath === null ? undefined : readNamed('FOOTFALL_TLS_CLIENT_CA', clientCaPath);
  try {
    createSecureContext({ cert, key, ca });
  } catch (error) {
    throw new Error(`FOOTFALL_TLS_CERT, FOOTFALL_TLS_KEY: ${certPath}, ${keyPath}: ${(error as Error).message}`);
  }
  return { cert, key, ...(ca === undefined ? {} : { ca }) };
}

/** `ticketKeys`: the same for all workers. */
export function createTlsDoor(config: TlsConfig, ticketKeys: Uint8Array, accept: AcceptTls, log: Log): TlsDoor {
  const fixed = { minVersion: 'TLSv1.2', ticketKeys: Buffer.from(ticketKeys) } as const;
  const server = createServer({
    ...fixed,
    ...readTlsFiles(config),
    // A fleet may have both: who shows no certificate needs a secret.
    requestCert: config.clientCaPath !== null,
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    sessionTimeout: SESSION_TIMEOUT_S,
    sessionIdContext: SESSION_CONTEXT,
    allowHalfOpen: true,
    noDelay: true,
  } as Parameters<typeof createServer>[0]);
  server.on('secureConnection', (socket) => {
    const shown = config.clientCaPath !== null && socket.getPeerX509Certificate() !== undefined;
    if (shown && !socket.authorized) {
      log.debug({ why: socket.authorizationError }, 'connection closed: its certificate is not good');
      socket.destroy();
    } else accept(socket, shown ? commonNameOf(socket) : null);
  });
  // One client that cannot, or does not want to, speak TLS.
  server.on('tlsClientError', (error, socket) => {
    log.debug({ why: error.message }, 'no TLS connection');
    socket.destroy();
  });
  const reload = () => {
    try {
      const files = readTlsFiles(config);
      server.setSecureContext({ ...fixed, ...files });
      log.info({ validTo: new X509Certificate(files.cert).validTo }, 'TLS certificate read again');
    } catch (error) {
      // Files that are replaced one after the other do not match for a moment.
      log.warn({ err: error }, 'the TLS files cannot be used; the certificate before stays in use');
    }
  };
  const paths = [config.certPath, config.keyPath, ...(config.clientCaPath === null ? [] : [config.clientCaPath])];
  for (const path of paths) watchFile(path, { interval: WATCH_MS, persistent: false }, reload);
  process.on('SIGHUP', reload);
  return {
    server,
    close: () => {
      for (const path of paths) unwatchFile(path, reload);
      process.off('SIGHUP', reload);
    },
  };
}

function commonNameOf(socket: TLSSocket): string | null {
  const { subject } = socket.getPeerCertificate();
  const name = subject?.CN;
  return typeof name === 'string' ? name : null;
}

function readNamed(variable: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`${variable}: ${(error as Error).message}`);
  }
}
