// The broker's doors: TCP, WebSocket on a port of its own, and WebSocket on another service's HTTP server.
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { Access } from '../shared/access.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import type { Config } from '../shared/config.ts';
import { type Core, listenFailure, openCore, type RunningService, refuseOpenDoors } from '../shared/core.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import type { Ingest } from '../shared/ingest.ts';
import type { Log } from '../shared/log.ts';
import { type Authenticate, admitAnybody, admitKnown } from './authenticate.ts';
import { type Broker, createBroker } from './broker.ts';
import { createUpgradeHandler, type HandleUpgrade } from './websocket.ts';

export type BrokerServiceDependencies = {
  readonly ingest: Ingest;
  readonly clock: Clock;
  readonly log: Log;
  /** Who may connect; default: anybody, which is right on loopback without credentials. */
  readonly admission?: { readonly access: Access; readonly plan: Floorplan };
  /** In place of the doorman's own. */
  readonly authenticate?: Authenticate;
};

/** Port 0 takes a free one; `wsPort` null: no listener of its own for WebSocket. */
export type BrokerOptions = { readonly host: string; readonly port: number; readonly wsPort: number | null };

export type BrokerService = {
  readonly port: number;
  readonly wsPort: number | null;
  /** For an HTTP server's `upgrade` event: MQTT at `/mqtt`, 404 elsewhere. */
  readonly handleUpgrade: HandleUpgrade;
  /** Takes no new connections, acknowledges what is being stored (5 s at most), closes all connections. */
  close(): Promise<void>;
};

/** Connections that the kernel keeps while the event loop is busy: a fleet comes back all at once. */
const BACKLOG = 1024;
/** Silence after which TCP asks whether the peer is still there. */
const TCP_KEEPALIVE_MS = 60_000;

/** The broker on `core`, at the addresses that are configured. */
export async function openBroker(core: Core, config: Config, log: Log): Promise<BrokerService> {
  const { access, ingest, floorplan } = core;
  const { mqttHost: host, mqttPort: port, mqttWsPort: wsPort } = config;
  await refuseOpenDoors(access, config);
  const admission = { access, plan: floorplan.plan };
  return startBroker({ ingest, clock: systemClock, log, admission }, { host, port, wsPort });
}

/** The broker as a process of its own. */
export async function runBroker(config: Config, log: Log): Promise<RunningService> {
  const core = await openCore(config, log, null);
  try {
    const broker = await openBroker(core, config, log);
    const close = async () => {
      await broker.close();
      await core.close();
    };
    return { where: `mqtt=${config.mqttHost}:${broker.port}`, close };
  } catch (error) {
    await core.close();
    throw listenFailure(error);
  }
}

export async function startBroker(
  dependencies: BrokerServiceDependencies,
  options: BrokerOptions,
): Promise<BrokerService> {
  const { ingest, clock, log, admission, authenticate } = dependencies;
  const doorman = admission === undefined ? admitAnybody() : admitKnown({ ...admission, clock });
  const admitting = authenticate === undefined ? doorman : { ...doorman, authenticate };
  const broker = await createBroker({ ingest, clock, log, doorman: admitting });
  const handleUpgrade = createUpgradeHandler((stream) => broker.accept(stream));
  const servers: Server[] = [];
  const open = async (server: Server, port: number): Promise<number> => {
    servers.push(server);
    return listen(server, options.host, port, log);
  };
  const close = async (): Promise<void> => {
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    await broker.close();
    await Promise.all(closed);
  };
  try {
    const port = await open(createTcpServer(broker), options.port);
    const wsPort = options.wsPort === null ? null : await open(createWebSocketServer(handleUpgrade), options.wsPort);
    return { port, wsPort, handleUpgrade, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function createTcpServer(broker: Broker): Server {
  // Half open: a client that has said all it had to say still gets its acknowledgements.
  const settings = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS };
  return createServer(settings, (socket) => broker.accept(socket));
}

function createWebSocketServer(handleUpgrade: HandleUpgrade): HttpServer {
  const server = createHttpServer((_request, response) => {
    response.writeHead(426, { connection: 'close', upgrade: 'websocket' }).end();
  });
  return server.on('upgrade', handleUpgrade);
}

/** The port that `server` listens on; rejects when it cannot. */
async function listen(server: Server, host: string, port: number, log: Log): Promise<number> {
  server.listen({ host, port, backlog: BACKLOG });
  await once(server, 'listening');
  server.on('error', (error) => log.error({ err: error }, 'a connection could not be accepted'));
  return (server.address() as AddressInfo).port;
}
