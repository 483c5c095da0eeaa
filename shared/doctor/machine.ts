// The machine: its Node, its clock, and how many connections it lets a process have.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Check, failing, fine, warning } from '../check.ts';
import type { Clock } from '../clock.ts';

/** SQLite and Temporal are in it without a flag. */
const NODE_MAJOR_MIN = 26;
/** A clock before the year of this version is not set. */
const CLOCK_MS_MIN = Date.UTC(2026, 0, 1);
/** Files of the service may be a little ahead of its clock, when that is corrected. */
const AHEAD_MS_MAX = 60_000;
/** Files and sockets of a process that are no connection of a DPU. */
const FILES_BESIDE = 200;
/** RELIABILITY: while a fleet comes back, old connections of it are still there. */
const FILES_PER_DPU = 2;

export function checkNode(): Check {
  const { node } = process.versions;
  if (Number.parseInt(node, 10) >= NODE_MAJOR_MIN) return fine('node', node);
  const action = `start through npm (npm start, npm run footfall), which finds the Node that comes with the packages`;
  return failing('node', `${node} is older than ${NODE_MAJOR_MIN}`, action);
}

/** `dataDir` null: there are no files to hold it against. */
export async function checkClock(clock: Clock, dataDir: string | null): Promise<Check> {
  const nowMs = clock.nowMs();
  const now = new Date(nowMs).toISOString();
  const action = 'let a time service keep the clock (systemd-timesyncd, chrony), then start';
  if (nowMs < CLOCK_MS_MIN) return failing('clock', `it says ${now}`, action);
  const newestMs = dataDir === null ? 0 : newestChangeMs(dataDir);
  if (newestMs > nowMs + AHEAD_MS_MAX) {
    return failing('clock', `it says ${now}, before the newest file in ${dataDir} was written`, action);
  }
  const isKept = await isSynchronized();
  if (isKept === false) return warning('clock', `it says ${now}, and no time service keeps it`, action);
  return fine('clock', isKept === null ? `it says ${now}; whether a time service keeps it is not told here` : now);
}

/** Null: this machine does not tell. */
async function isSynchronized(): Promise<boolean | null> {
  try {
    const { stdout } = await promisify(execFile)('timedatectl', ['show', '--property=NTPSynchronized', '--value']);
    return stdout.trim() === 'yes';
  } catch {
    return null;
  }
}

function newestChangeMs(dataDir: string): number {
  if (!existsSync(dataDir)) return 0;
  const files = readdirSync(dataDir).filter((file) => file.endsWith('.sqlite'));
  return Math.max(0, ...files.map((file) => statSync(join(dataDir, file)).mtimeMs));
}

/** `processes`: that share the connections of `dpus` DPUs. */
export function checkFileLimit(dpus: number, processes: number): Check {
  const limit = fileLimit();
  const needed = Math.ceil((FILES_PER_DPU * dpus) / processes) + FILES_BESIDE;
  const of = processes === 1 ? '' : ` in each of ${processes} processes`;
  const detail = `${limit} open files a process; ${dpus} DPUs want ${needed}${of}`;
  if (limit >= needed) return fine('file limit', detail);
  const action = `raise it (LimitNOFILE=${needed} in a systemd unit, ulimits in Compose), or FOOTFALL_BROKER_WORKERS`;
  return failing('file limit', detail, action);
}

/** Of this process and its children; node has raised it to the hard limit. */
function fileLimit(): number {
  try {
    const line = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return line === 'unlimited' || line === undefined ? Number.POSITIVE_INFINITY : Number(line);
  } catch {
    return Number.POSITIVE_INFINITY; // Not Linux: nobody tells.
  }
}
