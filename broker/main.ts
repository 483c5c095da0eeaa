// The broker as a service: in the process of its service, or as workers that it starts, with the same doors either way.
import { randomBytes } from 'node:crypto';
import type { Access } from '../shared/access.ts';
import type { Claims } from '../shared/claims.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { WrongUse } from '../shared/commands/command.ts';
import type { Config } from '../shared/config.ts';
import {
  type BrokerCore,
  type Core,
  listenFailure,
  openCore,
  type RunningService,
  refuseOpenDoors,
} from '../shared/core.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import type { Ingest } from '../shared/ingest.ts';
import type { Log } from '../shared/log.ts';
import { openMetrics } from '../shared/metrics/listener.ts';
import { addUp, type Measure } from '../shared/metrics/reading.ts';
import type { CommandStore } from '../shared/storage/commands.ts';
import type { ConnectionStore } from '../shared/storage/connections.ts';
import { type Authenticate, admitAnybody, admitKnown } from './authenticate.ts';
import { type BrokerCounters, createBroker } from './broker.ts';
import { Clients } from './clients.ts';
import { CommandDesk } from './command-desk.ts';
import { type DoorOptions, openDoors } from './doors.ts';
import { type Gateway, openGateway } from './gateway.ts';
import type { Limits } from './limits.ts';
import { Presence } from './presence.ts';
import { readTlsFiles, TICKET_KEYS_BYTES } from './tls.ts';
import { createUpgradeHandler, type HandleUpgrade } from './websocket.ts';
import type { Ports } from './worker-messages.ts';
import { startWorkers } from './workers.ts';

export type BrokerServiceDependencies = {
  readonly ingest: Ingest;
  readonly clock: Clock;
  readonly log: Log;
  /** Who may connect; default: anybody, which is right on loopback without credentials. */
  readonly admission?: { readonly access: Access; readonly plan: Floorplan };
  /** In place of the doorman's own. */
  readonly authenticate?: Authenticate;
  /** Default: no other process takes connections of this service. */
  readonly claims?: Claims;
  /** Whom it tells of its connections, under which name; default: nobody. */
  readonly connections?: { readonly store: Pick<ConnectionStore, 'begin' | 'tell'>; readonly teller: string };
  /** Commands for DPUs that connect here; default: none. */
  readonly commands?: Omit<CommandStore, 'close'>;
  /** Over the table in limits.ts. */
  readonly limits?: Partial<Limits>;
};

export type BrokerService = {
  /** As they were taken. */
  readonly ports: Ports;
  /** For an HTTP server's `upgrade` event: MQTT at `/mqtt`, 404 elsewhere. */
  readonly handleUpgrade: HandleUpgrade;
  /** Of this process; workers have their own. */
  counters(): BrokerCounters;
  /** Of all its processes. */
  readonly measure: Measure;
  /** Takes no new connections, acknowledges what is being stored (5 s at most), closes all connections. */
  close(): Promise<void>;
};

const TELLER_BYTES = 8;
const NO_PORTS: Ports = { mqtt: null, ws: null, mqtts: null };

/** A broker, and what is consumed from another one; null: nothing is. */
export type BrokerWithGateway = BrokerService & { readonly gateway: Gateway | null };

/** The broker on `core`, at the addresses that are configured, and the gateway if there is one. */
export async function openBroker(core: Core, config: Config, log: Log): Promise<BrokerWithGateway> {
  const broker = await openDoorsOfBroker(core, config, log);
  if (config.gateway === null) return { ...broker, gateway: null };
  const gateway = openGateway({ ingest: core.ingest, clock: systemClock, log }, config.gateway);
  const close = async () => {
    await Promise.all([gateway.close(), broker.close()]);
  };
  const measure = async () => [...(await broker.measure()), ...gateway.measure()];
  return { ...broker, gateway, measure, close };
}

async function openDoorsOfBroker(core: Core, config: Config, log: Log): Promise<BrokerService> {
  await refuseOpenDoors(core.access, config);
  const { mqttHost: host, mqttPort: mqtt, mqttWsPort: ws, mqttProxyProtocol: proxyProtocol, tls } = config;
  refuseBadFiles(tls);
  const ports: Ports = { mqtt, ws, mqtts: tls?.port ?? null };
  const options = { host, ports, proxyProtocol, tls, ticketKeys: randomBytes(TICKET_KEYS_BYTES) };
  if (config.brokerWorkers === 1) return startBroker(dependenciesOf(core, core.claims, log, 0), options);
  const workers = await startWorkers(
    { clock: systemClock, log },
    { count: config.brokerWorkers, host, tlsHost: tls?.host ?? host, ports },
  );
  try {
    // What comes over WebSocket on the HTTP port is served here.
    const claims = core.claims ?? workers.exchange.member();
    const upgraded = await startBroker(dependenciesOf(core, claims, log, 0), { ...options, ports: NO_PORTS });
    const unwatch = core.access.watch((names) => names.size > 0 && workers.changed());
    const close = async () => {
      unwatch();
      await Promise.all([workers.close(), upgraded.close()]);
    };
    const measure = async () => addUp([...(await upgraded.measure()), ...(await workers.measure())]);
    return { ...upgraded, ports: workers.ports, measure, close };
  } catch (error) {
    await workers.close();
    throw error;
  }
}

/** The broker as a process of its own. */
export async function runBroker(config: Config, log: Log): Promise<RunningService> {
  const core = await openCore(config, log, null);
  try {
    const broker = await openBroker(core, config, log);
    const metrics = await openMetrics(config, log, [core.measure, broker.measure]);
    const close = async () => {
      await metrics.close();
      await broker.close();
      await core.close();
    };
    return { where: metrics.where + brokerAddress(config, broker), close };
  } catch (error) {
    await core.close();
    throw listenFailure(error);
  }
}

/** Where it can be reached, for the ready line. */
export function brokerAddress({ mqttHost, tls }: Config, { ports }: BrokerService): string {
  const secure = tls === null ? '' : ` mqtts=${tls.host}:${ports.mqtts}`;
  return `mqtt=${mqttHost}:${ports.mqtt}${secure}`;
}

/** A broker in this process. */
export async function startBroker(
  dependencies: BrokerServiceDependencies,
  options: DoorOptions,
): Promise<BrokerService> {
  const { ingest, clock, log, admission, authenticate, claims = null, connections, commands, limits } = dependencies;
  const doorman = admission === undefined ? admitAnybody() : admitKnown({ ...admission, clock });
  const admitting = authenticate === undefined ? doorman : { ...doorman, authenticate };
  const clients = new Clients(claims, log);
  const isTold = connections !== undefined && admission !== undefined;
  const presence = isTold ? new Presence({ ...connections, plan: admission.plan, clock, log }) : null;
  const publishers = commands === undefined ? [] : [await CommandDesk.open({ store: commands, clock, log })];
  const broker = await createBroker({ publishers, ingest, clock, log, doorman: admitting, clients, presence, limits });
  const handleUpgrade = createUpgradeHandler((stream, address) => broker.accept(stream, address));
  try {
    const doors = await openDoors(broker, handleUpgrade, options, log);
    const close = async (): Promise<void> => {
      // No new connections while those that are there end.
      const closed = doors.close();
      await broker.close();
      await presence?.close();
      clients.close();
      await closed;
    };
    return {
      ports: doors.ports,
      handleUpgrade,
      counters: broker.counters,
      measure: async () => broker.measure(),
      close,
    };
  } catch (error) {
    await broker.close();
    await presence?.close();
    clients.close();
    throw error;
  }
}

/** What a broker in this process needs of what it stands on; `slot`: of the worker that it is, 0 for none. */
export function dependenciesOf(
  core: BrokerCore,
  claims: Claims | null,
  log: Log,
  slot: number,
): BrokerServiceDependencies {
  const { access, ingest, floorplan, commands, connections: store } = core;
  const admission = { access, plan: floorplan.plan };
  // Where several services share a store, each process has a name that no other has.
  const teller = core.claims === null ? `slot-${slot}` : randomBytes(TELLER_BYTES).toString('hex');
  const connections = { store, teller };
  return { ingest, clock: systemClock, log, admission, connections, commands, ...(claims === null ? {} : { claims }) };
}

/** At the start they are a fault of configuration; later the ones before stay in use. */
function refuseBadFiles(tls: Config['tls']): void {
  try {
    if (tls !== null) readTlsFiles(tls);
  } catch (error) {
    throw new WrongUse((error as Error).message);
  }
}
