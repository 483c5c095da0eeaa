// The broker as a service: in the process of its service, or as workers that it starts, with the same doors either way.
import { randomBytes } from 'node:crypto';
import { systemClock } from '../shared/clock.ts';
import { WrongUse } from '../shared/commands/command.ts';
import type { Config } from '../shared/config.ts';
import { type Core, listenFailure, openCore, type RunningService, refuseOpenDoors } from '../shared/core.ts';
import type { Log } from '../shared/log.ts';
import { openMetrics } from '../shared/metrics/listener.ts';
import { addUp } from '../shared/metrics/reading.ts';
import type { Boards, NoticeBoard } from '../shared/notices.ts';
import { type Gateway, openGateway } from './gateway.ts';
import { type BrokerService, dependenciesOf, startBroker } from './start.ts';
import { statusBoard } from './status-notices.ts';
import { readTlsFiles, TICKET_KEYS_BYTES } from './tls.ts';
import type { Ports } from './worker-messages.ts';
import { startWorkers } from './workers.ts';

const NO_PORTS: Ports = { mqtt: null, ws: null, mqtts: null };

/** Makes the board of the counts of now, which the API works out. */
export type OpenCounts = (core: Core, config: Config, log: Log) => NoticeBoard;

/** A broker, and what is consumed from another one; null: nothing is. */
export type BrokerWithGateway = BrokerService & { readonly gateway: Gateway | null };

/** The broker on `core`, at the addresses that are configured, and the gateway if there is one. */
export async function openBroker(
  core: Core,
  config: Config,
  log: Log,
  openCounts: OpenCounts,
): Promise<BrokerWithGateway> {
  const { connections, floorplan, storage } = core;
  const { plan } = floorplan;
  const statuses = statusBoard({ connections, history: storage.history, plan, clock: systemClock, log });
  const broker = await openDoorsOfBroker(core, config, log, { counts: openCounts(core, config, log), statuses });
  if (config.gateway === null) return { ...broker, gateway: null };
  const gateway = openGateway({ ingest: core.ingest, clock: systemClock, log }, config.gateway);
  const close = async () => {
    await Promise.all([gateway.close(), broker.close()]);
  };
  const measure = async () => [...(await broker.measure()), ...gateway.measure()];
  return { ...broker, gateway, measure, close };
}

async function openDoorsOfBroker(core: Core, config: Config, log: Log, boards: Boards): Promise<BrokerService> {
  await refuseOpenDoors(core.access, config);
  const { mqttHost: host, mqttPort: mqtt, mqttWsPort: ws, mqttProxyProtocol: proxyProtocol, tls } = config;
  refuseBadFiles(tls);
  const ports: Ports = { mqtt, ws, mqtts: tls?.port ?? null };
  const options = { host, ports, proxyProtocol, tls, ticketKeys: randomBytes(TICKET_KEYS_BYTES) };
  if (config.brokerWorkers === 1) return startBroker(dependenciesOf(core, core.claims, log, 0, boards), options);
  const workers = await startWorkers(
    { clock: systemClock, log, boards },
    { count: config.brokerWorkers, host, tlsHost: tls?.host ?? host, ports },
  );
  try {
    // What comes over WebSocket on the HTTP port is served here.
    const claims = core.claims ?? workers.exchange.member();
    const upgraded = await startBroker(dependenciesOf(core, claims, log, 0, boards), { ...options, ports: NO_PORTS });
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
export async function runBroker(config: Config, log: Log, openCounts: OpenCounts): Promise<RunningService> {
  const core = await openCore(config, log, null);
  try {
    const broker = await openBroker(core, config, log, openCounts);
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

/** At the start they are a fault of configuration; later the ones before stay in use. */
function refuseBadFiles(tls: Config['tls']): void {
  try {
    if (tls !== null) readTlsFiles(tls);
  } catch (error) {
    throw new WrongUse((error as Error).message);
  }
}
