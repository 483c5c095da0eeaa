// How fast the disk under a directory makes a write durable: latencies mean little without it.
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../shared/clock.ts';

const PROBES = 400;

/** Milliseconds that 4 KiB appended and fdatasync take: p50 and p99. */
export function probeFdatasync(dir: string): { p50Ms: number; p99Ms: number } {
  const path = join(dir, 'fdatasync-probe');
  const file = openSync(path, 'w');
  const page = Buffer.alloc(4096, 1);
  const timesMs: number[] = [];
  for (let probe = 0; probe < PROBES; probe++) {
    const beganMs = systemClock.monotonicMs();
    writeSync(file, page);
    fdatasyncSync(file);
    timesMs.push(systemClock.monotonicMs() - beganMs);
  }
  closeSync(file);
  rmSync(path);
  timesMs.sort((one, other) => one - other);
  return { p50Ms: timesMs[PROBES / 2] as number, p99Ms: timesMs[Math.floor(PROBES * 0.99)] as number };
}
