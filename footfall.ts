// The command line: one table of commands, and `start`, which puts all services together by hand in one process.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { systemClock } from './shared/clock.ts';
import { CommandFailure, command } from './shared/commands/command.ts';
import { runCommandLine } from './shared/commands/command-line.ts';
import { countCommand } from './shared/commands/count.ts';
import { exportCommand, importCommand } from './shared/commands/floorplan-commands.ts';
import { replayCommand } from './shared/commands/replay.ts';
import { simulateCommand } from './shared/commands/simulate.ts';
import { type Offline, verifyCommands } from './shared/commands/verify-commands.ts';
import type { Config } from './shared/config.ts';
import type { Log } from './shared/log.ts';

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
  argument: null,
  summary: 'run the service: MQTT and HTTP in, counts out (configured by FOOTFALL_ variables)',
  options: {},
  run: async () => {
    const [{ configure }, { firstSignal }] = await Promise.all([
      import('./shared/service-configuration.ts'),
      import('./shared/service-signals.ts'),
    ]);
    const stopping = firstSignal(systemClock, () => process.exit(1));
    const { config, log } = configure();
    const service = await startService(config, log);
    process.stdout.write(`footfall ready mqtt=${service.mqtt} http=${service.http} storage=${config.storage}\n`);
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

/** Storage, the way into the journal, the processor and the floor plan: what every service stands on. */
async function openCore(config: Config, log: Log) {
  const [storageModule, processorModule, writerModule, floorplanModule] = await Promise.all([
    import('./shared/storage/open.ts'),
    import('./processor/main.ts'),
    import('./shared/journal-writer.ts'),
    import('./shared/floorplan-service.ts'),
  ]);
  const onFatal = (error: Error) => {
    log.fatal({ err: error }, 'cannot go on; what was acknowledged is stored');
    process.exit(1);
  };
  const [storage, processor] = await Promise.all([
    storageModule.openStorage(config, onFatal),
    processorModule.startProcessor(config, onFatal),
  ]).catch((error: Error) => {
    throw new CommandFailure(`cannot start: ${error.message}; check the disk`);
  });
  const writer = new writerModule.JournalWriter(storage.journal, 0, systemClock, log);
  const floorplan = new floorplanModule.FloorplanService(storage.floorplan, writer, processor);
  await floorplan.load();
  const close = async () => {
    await writer.drained();
    await processor.close();
    await storage.close();
  };
  return { storage, processor, writer, floorplan, close };
}

async function startService(config: Config, log: Log) {
  const { lockOrFail } = await import('./shared/service-configuration.ts');
  const release = lockOrFail(config, LOCK_WAIT_MS);
  const loading = Promise.all([
    import('./broker/main.ts'),
    import('./api/main.ts'),
    import('./shared/ingest.ts'),
    import('./shared/quarantine-sweep.ts'),
  ]);
  const core = await openCore(config, log);
  const [{ startBroker }, { startApi }, { Ingest }, { sweepQuarantine }] = await loading;
  const { floorplan, processor, writer, storage } = core;
  const { futureAllowedMs } = config;
  const ingest = new Ingest({ writer, plan: floorplan.plan, clock: systemClock, futureAllowedMs });
  const shared = { ingest, clock: systemClock, log };
  const doors: { close(): Promise<void> }[] = [];
  const close = async () => {
    // Sockets and broker first: fastify waits for connections that were upgraded.
    for (const door of doors) await door.close();
    await core.close();
    release();
  };
  try {
    const mqtt = { host: config.mqttHost, port: config.mqttPort, wsPort: config.mqttWsPort };
    const broker = await startBroker(shared, mqtt);
    doors.push(broker);
    const counting = { ...shared, floorplan, history: storage.history, processor, futureAllowedMs };
    const api = await startApi(counting, { host: config.httpHost, port: config.httpPort });
    doors.push(api);
    api.server.on('upgrade', broker.handleUpgrade);
    sweepQuarantine({ ingest, history: storage.history, plan: floorplan.plan, processor }).catch((error) =>
      log.error({ err: error }, 'quarantined events of DPUs that are known by now wait for the next start'),
    );
    return { mqtt: `${config.mqttHost}:${broker.port}`, http: `${config.httpHost}:${api.port}`, close };
  } catch (error) {
    await close();
    if ((error as { syscall?: string }).syscall !== 'listen') throw error;
    const reason = (error as Error).message;
    throw new CommandFailure(`cannot listen: ${reason}; set FOOTFALL_HTTP_PORT, FOOTFALL_MQTT_PORT to free ports`);
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
  const core = await openCore(config, log);
  await core.processor.caughtUp(CAUGHT_UP_TIMEOUT_MS);
  const verification = await core.processor[work]();
  await core.close();
  release();
  return { where: config.dataDir, verification };
};

process.exitCode = await runCommandLine([
  startCommand,
  importCommand,
  exportCommand,
  replayCommand,
  countCommand,
  simulateCommand,
  ...verifyCommands(offline),
]);
// A start that failed half way leaves threads behind that would keep the process.
if (process.exitCode !== 0) process.exit();
