// The disk of the data directory: whether it keeps what is written, how much room it has, and how fast it syncs.
import { closeSync, existsSync, fdatasyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Check, failing, fine, warning } from '../check.ts';
import type { Clock } from '../clock.ts';
import { gigabytes, roomOn } from '../disk.ts';

/** By their numbers in statfs(2); those that are not here are taken for a local disk. */
const FILE_SYSTEMS = new Map<number, readonly [name: string, fault: string, action: string]>([
  [0x01021994, ['tmpfs', 'it is memory: everything is gone after a restart', 'choose a directory on a disk']],
  [0x6969, ['nfs', 'locks and syncs over a network may not hold', 'choose a directory on a local disk']],
  [0x517b, ['smb', 'locks and syncs over a network may not hold', 'choose a directory on a local disk']],
  [0xff534d42, ['cifs', 'locks and syncs over a network may not hold', 'choose a directory on a local disk']],
  [0xfe534d42, ['smb2', 'locks and syncs over a network may not hold', 'choose a directory on a local disk']],
  [0x794c7630, ['overlayfs', 'it is the layer of a container, and gone with it', 'put a volume there']],
]);

/** What an acknowledgement waits for: one or two of these. */
const SYNCS = 200;
const SYNCS_MS_MAX = 3_000;
/** As much as an entry of some dozen events. */
const SYNC_BYTES = 4096;
const SLOW_P99_MS = 50;
/** No disk that keeps its promise is so fast. */
const UNLIKELY_P50_MS = 0.01;

/** Where the directory is missing, the one is looked at that the service would make it in; nothing is left behind. */
export function checkDisk(dataDir: string, clock: Clock): Check[] {
  let folder = resolve(dataDir);
  while (!existsSync(folder)) folder = dirname(folder);
  const path = join(folder, `.doctor-${process.pid}`);
  try {
    const file = openSync(path, 'wx');
    // The file is gone when it is closed, also when the process is killed meanwhile.
    rmSync(path);
    const times = syncTimes(file, clock);
    closeSync(file);
    return [fine('data directory', `${dataDir} can be written`), fileSystem(folder), room(folder), syncs(times)];
  } catch (error) {
    const action = 'give the user that runs footfall the right to write there, or set FOOTFALL_DATA_DIR';
    return [failing('data directory', (error as Error).message, action)];
  }
}

function fileSystem(folder: string): Check {
  const { type } = statfsSync(folder);
  const [name, fault, action] = FILE_SYSTEMS.get(type) ?? [];
  if (name === undefined) return fine('file system', `a local one (0x${type.toString(16)})`);
  return warning('file system', `${name}: ${fault}`, `${action}, and set FOOTFALL_DATA_DIR to it`);
}

function room(folder: string): Check {
  const { freeBytes, neededBytes } = roomOn(folder);
  const detail = `${gigabytes(freeBytes)} free; below ${gigabytes(neededBytes)} nothing is acknowledged`;
  if (freeBytes >= 2 * neededBytes) return fine('disk space', detail);
  const action = 'free some space there, or move FOOTFALL_DATA_DIR to a larger disk';
  return (freeBytes < neededBytes ? failing : warning)('disk space', detail, action);
}

function syncTimes(file: number, clock: Clock): number[] {
  const bytes = Buffer.alloc(SYNC_BYTES, 1);
  const times: number[] = [];
  const untilMs = clock.monotonicMs() + SYNCS_MS_MAX;
  while (times.length < SYNCS && clock.monotonicMs() < untilMs) {
    const beganAtMs = clock.monotonicMs();
    writeSync(file, bytes);
    fdatasyncSync(file);
    times.push(clock.monotonicMs() - beganAtMs);
  }
  return times.sort((one, two) => one - two);
}

function syncs(times: readonly number[]): Check {
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  const [p50, p99] = [at(0.5), at(0.99)];
  const detail = `write and fdatasync of 4 KB: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms (${times.length} times)`;
  if (p50 < UNLIKELY_P50_MS) {
    return warning(
      'fdatasync',
      detail,
      'no disk is so fast: make sure that it writes before it says so (no nobarrier, no eatmydata)',
    );
  }
  if (p99 <= SLOW_P99_MS) return fine('fdatasync', detail);
  return warning('fdatasync', detail, 'acknowledgements take as long as one or two of these: an SSD is worth it');
}
