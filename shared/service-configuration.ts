// What a service has before anything else: its configuration, its log, and the data directory to itself.
import { CommandFailure, WrongUse } from './commands/command.ts';
import { type Config, ConfigError, keepCompiledCode, readConfig } from './config.ts';
import { createLog, type Log } from './log.ts';
import { DataDirLocked, lockDataDir } from './storage/sqlite/lock.ts';

/** Reads the environment; throws WrongUse with every fault in it, a line each. */
export function configure(): { config: Config; log: Log } {
  keepCompiledCode();
  try {
    const { config, warnings } = readConfig();
    const log = createLog(config.logLevel);
    for (const warning of warnings) log.warn(warning);
    return { config, log };
  } catch (error) {
    throw error instanceof ConfigError ? new WrongUse(error.message) : error;
  }
}

/** Waits up to `waitMs` for the data directory; throws CommandFailure when another process keeps it. */
export function lockOrFail(config: Config, waitMs: number): () => void {
  const release = lockOrNull(config, waitMs);
  if (release !== null) return release;
  throw new CommandFailure(
    `${config.dataDir} is in use by another footfall; stop that one, or choose another FOOTFALL_DATA_DIR`,
  );
}

/** As `lockOrFail`; null when another process keeps it. Answers what releases it. */
export function lockOrNull(config: Config, waitMs: number): (() => void) | null {
  try {
    return lockDataDir(config.dataDir, waitMs);
  } catch (error) {
    if (error instanceof DataDirLocked) return null;
    throw new CommandFailure(`FOOTFALL_DATA_DIR ${config.dataDir} cannot be used: ${(error as Error).message}`);
  }
}
