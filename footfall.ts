// The command line: one table of commands, and `start`, which puts all services together by hand in one process.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { systemClock } from './shared/clock.ts';
import { CommandFailure, command, WrongUse } from './shared/commands/command.ts';
import { runCommandLine } from './shared/commands/command-line.ts';
import { copyCommand, type Moving } from './shared/commands/copy.ts';
import { countCommand } from './shared/commands/count.ts';
import { doctorCommand } from './shared/commands/doctor.ts';
import { dpuCreateCommand, dpuRevokeCommand, dpuSecretCommand } from './shared/commands/dpu-commands.ts';
import { exportCommand, importCommand } from './shared/commands/floorplan-commands.ts';
import { influxDashboardCommand } from './shared/commands/influx-dashboard.ts';
import { keyCommands, type OfflineCredentials } from './shared/commands/key-commands.ts';
import { dpuProvisionCommand } from './shared/commands/provision.ts';
import { replayCommand } from './shared/commands/replay.ts';
import { simulateCommand } from './shared/commands/simulate.ts';
import { type Offline, verifyCommands } from './shared/commands/verify-commands.ts';
import type { Config } from './shared/config.ts';
import type { RunningService } from './shared/core.ts';
import type { Log } from './shared/log.ts';
import { entryOfCommand } from './shared/storage/audit-trail.ts';

/** A start waits so long for the service before it to let go of the data directory (CONTRACT.md, Starting). */
const LOCK_WAIT_MS = 5_000;
/** Of the 10 s that a stop may take. What is not acknowledged by then is not lost: its sender has it. */
const STOP_TIMEOUT_MS = 9_000;

/** What a crash left in the journal, taken in before it is compared. */
const CAUGHT_UP_TIMEOUT_MS = 600_000;

// Services are imported when a command needs them, so that the others begin at once and `start` holds nothing idle.
module.enableCompileCache?.();

const startCommand = command({
  name: 'start',
  argument: {
    name: 'service',
    description:
      'one service by itself: broker, processor or api (FOOTFALL_STORAGE=influx-redis); default: all in one process',
    isOptional: true,
  },
  summary: 'run the service: MQTT and HTTP in, counts out (configured by FOOTFALL_ variables)',
  options: {},
  run: async (name) => {
    const [{ configure }, { firstSignal }] = await Promise.all([
      import('./shared/service-configuration.ts'),
      import('./shared/service-signals.ts'),
    ]);
    const stopping = firstSignal(systemClock, () => process.exit(1));
    const { config, log } = configure();
    const service = await startNamed(name, config, log);
    process.stdout.write(`footfall ready ${service.where} storage=${config.storage}\n`);
    if (config.demo) process.stdout.write(`the demo is alive at ${service.where.replace(/^.*http=/, 'http://')}/\n`);
    log.info({ signal: await stopping }, 'stopping');
    const timer = setTimeout(() => {
      log.warn('not everything could be drained in time; what was not acknowledged will be sent again');
      process.exit(0);
    }, STOP_TIMEOUT_MS);
    await service.close();
    clearTimeout(timer);
    return 0;
  },
});

async function startNamed(name: string, config: Config, log: Log): Promise<RunningService> {
  if (name === '') return startAll(config, log);
  if (!['broker', 'processor', 'api'].includes(name)) {
    throw new WrongUse(`there is no service ${name}; it is broker, processor or api`);
  }
  if (config.storage === 'embedded') {
    throw new WrongUse(
      'an embedded store has room for one process: leave the service out, or set FOOTFALL_STORAGE=influx-redis',
    );
  }
  switch (name) {
    case 'broker':
      return (await import('./broker/main.ts')).runBroker(config, log, await openCounts());
    case 'api':
      return (await import('./api/main.ts')).runApi(config, log);
    default:
      return (await import('./processor/main.ts')).runProcessor(config, log);
  }
}

/** Handed over, because only this file may know it. */
const openCounts = async () => (await import('./api/live/count-notices.ts')).countBoard;

/** Starts the processor, and what the services stand on. */
async function openAll(config: Config, log: Log) {
  const [{ openCore, endOnFatal }, { startProcessor }] = await Promise.all([
    import('./shared/core.ts'),
    import('./processor/main.ts'),
  ]);
  const processor = await startProcessor(config, endOnFatal(log)).catch((error: Error) => {
    throw new CommandFailure(`cannot start: ${error.message}`);
  });
  const core = await openCore(config, log, processor);
  const measure = async () => [...(await core.measure()), ...(await processor.measure())];
  const close = async () => {
    await core.ingest.writer.drained();
    await processor.close();
    await core.close();
  };
  return { ...core, measure, close };
}

/** All services in this process. */
async function startAll(config: Config, log: Log): Promise<RunningService> {
  const { lockOrFail } = await import('./shared/service-configuration.ts');
  const release = config.storage === 'embedded' ? lockOrFail(config, LOCK_WAIT_MS) : () => undefined;
  const loading = Promise.all([
    import('./broker/main.ts'),
    import('./api/main.ts'),
    import('./shared/core.ts'),
    import('./shared/metrics/listener.ts'),
  ]);
  const core = await openAll(config, log);
  const [{ openBroker, brokerAddress }, { openApi }, { listenFailure }, { openMetrics }] = await loading;
  const doors: { close(): Promise<void> }[] = [];
  const close = async () => {
    // Sockets and broker first: fastify waits for connections that were upgraded.
    for (const door of doors) await door.close();
    await core.close();
    release();
  };
  try {
    const broker = await openBroker(core, config, log, await openCounts());
    doors.push(broker);
    const api = await openApi(core, config, log, broker.gateway);
    doors.push(api);
    api.server.on('upgrade', (request, ...stream) => {
      const isMqtt = request.url?.split('?', 1)[0] === '/mqtt';
      (isMqtt ? broker : api).handleUpgrade(request, ...stream);
    });
    const metrics = await openMetrics(config, log, [core.measure, broker.measure, api.measure]);
    doors.unshift({ close: async () => api.drain() }, metrics);
    if (config.demo) doors.unshift(await (await import('./shared/demo/demo.ts')).startDemo(core, log));
    return { where: `${metrics.where}${brokerAddress(config, broker)} http=${config.httpHost}:${api.port}`, close };
  } catch (error) {
    await close();
    throw listenFailure(error);
  }
}

/** `verify` and `rebuild` on a data directory that no service runs on. */
const offline: Offline = async (work) => {
  const { configure, lockOrNull } = await import('./shared/service-configuration.ts');
  const { config, log } = configure();
  if (!existsSync(config.dataDir)) {
    throw new CommandFailure(
      `there is no data in ${config.dataDir} (FOOTFALL_DATA_DIR); say with --url which service to ask`,
    );
  }
  const release = lockOrNull(config, 0);
  if (release === null) return null;
  const core = await openAll(config, log);
  await core.processors.caughtUp(CAUGHT_UP_TIMEOUT_MS);
  const verification = await core.processors[work]();
  await core.storage.audit.append(entryOfCommand(work, null, systemClock.nowMs()));
  await core.close();
  release();
  return { where: config.dataDir, verification };
};

/** The processor is handed over, because only this file may know it. */
const openMoving = async (from: Config['storage'], to: Config['storage']): Promise<Moving> => {
  const [moving, { startProcessor }] = await Promise.all([import('./shared/moving.ts'), import('./processor/main.ts')]);
  return moving.openMoving(from, to, startProcessor);
};

/** Keys in a store that no service holds; the first key is made so. */
const offlineCredentials: OfflineCredentials = async (work) =>
  (await import('./shared/offline-credentials.ts')).withCredentials(work);

process.exitCode = await runCommandLine([
  startCommand,
  importCommand,
  exportCommand,
  replayCommand,
  countCommand,
  simulateCommand,
  ...verifyCommands(offline),
  copyCommand(openMoving),
  doctorCommand,
  influxDashboardCommand,
  ...keyCommands(offlineCredentials),
  dpuCreateCommand,
  dpuSecretCommand,
  dpuRevokeCommand,
  dpuProvisionCommand,
]);
// A start that failed half way leaves threads behind that would keep the process.
if (process.exitCode !== 0) process.exit();
