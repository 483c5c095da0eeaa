// The command line, and the only file that knows all services: `start` composes them, the other commands are clients.
import { enableCompileCache } from 'node:module';
import type { Clock } from './shared/clock.ts';
import type { Command, ExitCode, Terminal } from './shared/commands/command.ts';
import type { Config } from './shared/config.ts';
import type { Log } from './shared/log.ts';

/** A second signal within this is the first one again: npm and the terminal both pass it on. */
const SIGNAL_REPEAT_MS = 2_000;
/** From the first signal to the end, whatever hangs. */
const STOP_TIMEOUT_MS = 9_500;
/** For a service that is still stopping to let go of the data directory. */
const LOCK_WAIT_MS = 5_000;
/** For the journal to be taken in before an audit without a service. */
const CATCH_UP_TIMEOUT_MS = 3_600_000;

const terminal: Terminal = {
  print: (line) => process.stdout.write(`${line}\n`),
  complain: (line) => process.stderr.write(`${line}\n`),
  interactive: process.stderr.isTTY === true,
  interruption: () => {
    const controller = new AbortController();
    process.on('SIGINT', () => controller.abort());
    return controller.signal;
  },
};

/** Starts everything, then stays until a signal. */
async function start(): Promise<ExitCode> {
  const { readConfig, ConfigError } = await import('./shared/config.ts');
  const { createLog } = await import('./shared/log.ts');
  const { lockDataDir, DataDirLocked } = await import('./shared/storage/sqlite/lock.ts');
  try {
    const { config, warnings } = readConfig();
    const log = createLog(config.logLevel);
    for (const warning of warnings) log.warn(warning);
    const unlock = lockDataDir(config.dataDir, LOCK_WAIT_MS);
    const { systemClock: clock } = await import('./shared/clock.ts');
    const stop = await compose(config, clock, log);
    await signalled(clock);
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
    await stop();
    unlock();
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof DataDirLocked)) throw error;
    for (const line of error.message.split('\n')) terminal.complain(line);
    return error instanceof ConfigError ? 2 : 1;
  }
}

/** Builds the services from the inside out, opens their doors, and answers what closes them in the opposite order. */
async function compose(config: Config, clock: Clock, log: Log): Promise<() => Promise<void>> {
  const [{ openStorage }, { startProcessor }, { startBroker }, { startApi }] = await Promise.all([
    import('./shared/storage/open.ts'),
    import('./processor/main.ts'),
    import('./broker/main.ts'),
    import('./api/main.ts'),
  ]);
  const { FloorplanService } = await import('./shared/floorplan-service.ts');
  const { Ingest } = await import('./shared/ingest.ts');
  const { JournalWriter } = await import('./shared/journal-writer.ts');
  const { replayKnownDpus } = await import('./shared/quarantine-replay.ts');

  const onFatal = (error: Error): void => {
    log.fatal({ err: error }, 'only a fresh start can go on; nothing that was acknowledged is lost');
    process.exit(1);
  };
  const { futureAllowedMs } = config;
  const storage = await openStorage(config, onFatal);
  const processor = await startProcessor(config, onFatal);
  const writer = new JournalWriter(storage.journal, 0, clock, log);
  const floorplan = new FloorplanService(storage.floorplan, writer, processor);
  await floorplan.load();
  const ingest = new Ingest({ writer, plan: floorplan.plan, clock, futureAllowedMs });
  const { history } = storage;
  await replayKnownDpus({ ingest, quarantine: history, plan: floorplan.plan });
  const dependencies = { floorplan, ingest, history, processor, clock, log, futureAllowedMs };
  const api = await startApi(dependencies, { host: config.httpHost, port: config.httpPort });
  const { mqttHost: host, mqttPort: port, mqttWsPort: wsPort } = config;
  const broker = await startBroker({ ingest, clock, log }, { host, port, wsPort });
  api.server.on('upgrade', broker.handleUpgrade);
  const http = `${config.httpHost}:${api.port}`;
  terminal.print(`footfall ready mqtt=${host}:${broker.port} http=${http} storage=${config.storage}`);
  return async () => {
    await broker.close();
    await api.close();
    await writer.drained();
    await processor.close();
    await storage.close();
    log.info('stopped');
    log.flush();
  };
}

/** Resolves at the first SIGTERM or SIGINT; one long after it ends the process at once. */
function signalled(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let firstAtMs: number | undefined;
    const onSignal = (): void => {
      firstAtMs ??= clock.monotonicMs();
      if (clock.monotonicMs() - firstAtMs > SIGNAL_REPEAT_MS) process.exit(1);
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

/** Audits the data directory itself; null when a running service holds it. */
async function auditOffline(work: 'verify' | 'rebuild') {
  const { readConfig } = await import('./shared/config.ts');
  const { lockDataDir, DataDirLocked } = await import('./shared/storage/sqlite/lock.ts');
  const { openProcessor } = await import('./processor/main.ts');
  const { config } = readConfig();
  let unlock: () => void;
  try {
    unlock = lockDataDir(config.dataDir, 0);
  } catch (error) {
    if (error instanceof DataDirLocked) return null;
    throw error;
  }
  const processor = await openProcessor({ ...config, logLevel: 'warn' });
  await processor.caughtUp(CATCH_UP_TIMEOUT_MS);
  const { spaces, events, position, discrepancies } = await processor[work]();
  await processor.close();
  unlock();
  const found = discrepancies.map(({ spaceId, ...rest }) => ({ space_id: spaceId ?? '-', ...rest }));
  return { where: config.dataDir, answer: { spaces, events, position, discrepancies: found } };
}

async function commands(): Promise<Command[]> {
  const { command } = await import('./shared/commands/command.ts');
  const { importCommand, exportCommand } = await import('./shared/commands/floorplan-commands.ts');
  const { replayCommand } = await import('./shared/commands/replay.ts');
  const { countCommand } = await import('./shared/commands/count.ts');
  const { simulateCommand } = await import('./shared/commands/simulate.ts');
  const { verifyCommands } = await import('./shared/commands/verify-commands.ts');
  const summary = 'run the service: MQTT and HTTP in, counts out; configured by FOOTFALL_ variables';
  const startCommand = command({ name: 'start', argument: null, summary, options: {}, run: start });
  const clients = [importCommand, exportCommand, replayCommand, countCommand, simulateCommand];
  return [startCommand, ...clients, ...verifyCommands(auditOffline)];
}

// Code compiled once is read back by the next start.
enableCompileCache();
const { runCommandLine } = await import('./shared/commands/command-line.ts');
process.exitCode = await runCommandLine(process.argv.slice(2), await commands(), terminal);
