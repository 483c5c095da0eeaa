// The broker's doors: TCP, TLS, WebSocket on a port of its own. Each opened once, closed together.
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { Log } from '../shared/log.ts';
import type { TlsConfig } from '../shared/tls-config.ts';
import type { Broker } from './broker.ts';
import { LIMITS } from './limits.ts';
import { plainSocketOf } from './plain-socket.ts';
import { takeProxyHeader } from './proxy-protocol.ts';
import { createTlsDoor } from './tls.ts';
import type { HandleUpgrade } from './websocket.ts';
import type { Ports } from './worker-messages.ts';

export type DoorOptions = {
  readonly host: string;
  readonly ports: Ports;
  /** A balancer is in front that begins each connection over plain TCP with a header of the PROXY protocol; default: false. */
  readonly proxyProtocol?: boolean;
  /** Null: no TLS. */
  readonly tls: TlsConfig | null;
  readonly ticketKeys: Uint8Array;
  /** Other processes listen on the same ports (Linux); default: false. */
  readonly isShared?: boolean;
};

type Address = { readonly host: string; readonly port: number };

export type Doors = { readonly ports: Ports; close(): Promise<void> };

/** Connections that the kernel keeps while the event loop is busy: a fleet comes back all at once. */
const BACKLOG = 1024;
/** Every process listens by itself, and the kernel shares connections out among them. */
const SHARED = { exclusive: true, reusePort: true };
/** Silence after which TCP asks whether the peer is still there. */
const TCP_KEEPALIVE_MS = 60_000;

/** Opens those that have a port; rejects when one of them cannot be had, with none left open. */
export async function openDoors(
  broker: Broker,
  handleUpgrade: HandleUpgrade,
  options: DoorOptions,
  log: Log,
): Promise<Doors> {
  const { host, ports, tls, ticketKeys, proxyProtocol = false, isShared = false } = options;
  const servers: Server[] = [];
  const open = async (server: Server, at: Address): Promise<number> => {
    servers.push(server);
    return listen(server, at, isShared, log);
  };
  let closeTls = () => {};
  const close = async (): Promise<void> => {
    closeTls();
    await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  };
  const openTls = async (config: TlsConfig, port: number): Promise<number> => {
    const door = createTlsDoor(
      config,
      ticketKeys,
      (socket, certifiedId) => broker.accept(socket, socket.remoteAddress ?? '', certifiedId),
      log,
    );
    closeTls = door.close;
    return open(door.server, { host: config.host, port });
  };
  try {
    const mqtt =
      ports.mqtt === null ? null : await open(createTcpServer(broker, proxyProtocol), { host, port: ports.mqtt });
    const ws = ports.ws === null ? null : await open(createWebSocketServer(handleUpgrade), { host, port: ports.ws });
    const mqtts = tls === null || ports.mqtts === null ? null : await openTls(tls, ports.mqtts);
    return { ports: { mqtt, ws, mqtts }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function createTcpServer(broker: Broker, proxyProtocol: boolean): Server {
  // Half open: a client that has said all it had to say still gets its acknowledgements.
  const settings = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS };
  if (!proxyProtocol) {
    return createServer({ ...settings, pauseOnConnect: true }, (accepted) => {
      const socket = plainSocketOf(accepted);
      broker.accept(socket, socket.remoteAddress ?? '');
    });
  }
  return createServer(settings, (socket) => {
    const accept = (address = '') => broker.accept(socket, address);
    takeProxyHeader(socket, LIMITS.connectTimeoutMs, accept, (why) => broker.refused('proxy_header', why));
  });
}

function createWebSocketServer(handleUpgrade: HandleUpgrade): HttpServer {
  const server = createHttpServer((_request, response) => {
    response.writeHead(426, { connection: 'close', upgrade: 'websocket' }).end();
  });
  return server.on('upgrade', handleUpgrade);
}

/** The port that `server` listens on; rejects when it cannot. */
async function listen(server: Server, { host, port }: Address, isShared: boolean, log: Log): Promise<number> {
  server.listen({ host, port, backlog: BACKLOG, ...(isShared ? SHARED : {}) });
  await once(server, 'listening');
  server.on('error', (error) => log.error({ err: error }, 'a connection could not be accepted'));
  return (server.address() as AddressInfo).port;
}
