// Starts the API on a port. The server is handed out so that others can take its `upgrade` event.
import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemClock } from '../shared/clock.ts';
import { ClockWatch } from '../shared/clock-watch.ts';
import type { Config } from '../shared/config.ts';
import { type Core, listenFailure, openCore, type RunningService, refuseOpenDoors } from '../shared/core.ts';
import { roomOn } from '../shared/disk.ts';
import type { Log } from '../shared/log.ts';
import { openMetrics } from '../shared/metrics/listener.ts';
import type { Measure } from '../shared/metrics/reading.ts';
import { type ReplayDependencies, replayQuarantine } from '../shared/quarantine-replay.ts';
import { sweepRegularly } from '../shared/quarantine-sweep.ts';
import { SpaceWatch } from '../shared/watch.ts';
import { buildApp } from './app.ts';
import type { ApiDependencies } from './dependencies.ts';
import { measureService } from './measures.ts';
import { Readiness, type ReadinessSources } from './readiness.ts';
import { RequestTimes } from './request-times.ts';
import { webhooksOn } from './webhooks/open.ts';

type HandleUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export type RunningApi = {
  readonly port: number;
  readonly server: Server;
  /** For `upgrade` events of the server that ask for something of the API. */
  readonly handleUpgrade: HandleUpgrade;
  close(): Promise<void>;
};

export type OpenedApi = RunningApi & {
  readonly measure: Measure;
  /** From now on it says that it is not ready: it will be closed. */
  drain(): void;
};

/** Listens on `port` (0: a free one). `close` takes no more requests and resolves when those under way are answered. */
export async function startApi(
  dependencies: ApiDependencies,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<RunningApi> {
  const upgrades = new EventEmitter();
  const app = buildApp(dependencies, upgrades);
  await app.listen({ host, port });
  const { port: taken } = app.server.address() as AddressInfo;
  const handleUpgrade: HandleUpgrade = (...request) => void upgrades.emit('upgrade', ...request);
  return { port: taken, server: app.server, handleUpgrade, close: async () => app.close() };
}

/** The API on `core`, at the address that is configured; `gateway`: the one in this process. */
export async function openApi(
  core: Core,
  config: Config,
  log: Log,
  gateway: ReadinessSources['gateway'] = null,
): Promise<OpenedApi> {
  await refuseOpenDoors(core.access, config);
  const { access, commands, connections, floorplan, ingest, processors, storage } = core;
  const {
    futureAllowedMs,
    latenessAllowedMs,
    requestsPerS,
    suppressBelow,
    lostAfterMs,
    httpHost: host,
    httpPort: port,
  } = config;
  const { audit, history, credentials } = storage;
  const clockWatch = new ClockWatch(systemClock, () => void replayFuture({ ingest, history }, log));
  const disk = config.storage === 'embedded' ? { folder: config.dataDir, room: () => roomOn(config.dataDir) } : null;
  const readiness = new Readiness({ ...storage, ingest, processor: processors, disk, clockWatch, gateway });
  const webhooks = webhooksOn(storage.webhooks, config.webhookNetworks);
  const dependencies = {
    access,
    commands,
    connections,
    credentials,
    floorplan,
    ingest,
    history,
    audit,
    processor: processors,
    clock: systemClock,
    log,
    futureAllowedMs,
    latenessAllowedMs,
    lostAfterMs,
    requestsPerS,
    suppressBelow,
    watch: new SpaceWatch(floorplan.facts),
    requestTimes: new RequestTimes(),
    readiness,
    webhooks,
  };
  const api = await startApi(dependencies, { host, port });
  await webhooks.deliver(dependencies);
  const sweeping = sweepRegularly({ ingest, history, plan: floorplan.plan, processor: processors }, log);
  const close = async () => {
    readiness.drain();
    clockWatch.stop();
    sweeping.stop();
    await webhooks.close();
    await api.close();
  };
  const service = measureService(dependencies);
  const measure: Measure = async () =>
    [dependencies.requestTimes.measure(), await readiness.measure(), await service()].flat();
  return { ...api, measure, drain: () => readiness.drain(), close };
}

/** The clock had been set: what was quarantined as ahead of it may be right by now. */
async function replayFuture(dependencies: ReplayDependencies, log: Log): Promise<void> {
  try {
    const { events } = await replayQuarantine(dependencies, { reason: 'clock_in_future' });
    log.warn({ events }, 'the clock had been set and has kept still since; what was ahead of it has been tried again');
  } catch (error) {
    log.error({ err: error }, 'what was quarantined as clock_in_future could not be tried again; replay it by hand');
  }
}

/** The API as a process of its own. */
export async function runApi(config: Config, log: Log): Promise<RunningService> {
  const core = await openCore(config, log, null);
  try {
    const api = await openApi(core, config, log);
    api.server.on('upgrade', api.handleUpgrade);
    const metrics = await openMetrics(config, log, [core.measure, api.measure]);
    const close = async () => {
      await metrics.close();
      await api.close();
      await core.close();
    };
    return { where: `${metrics.where}http=${config.httpHost}:${api.port}`, close };
  } catch (error) {
    await core.close();
    throw listenFailure(error);
  }
}
