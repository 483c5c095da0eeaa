// The broker workers of a service under test: the processes that its process has started.
import { readdirSync, readFileSync } from 'node:fs';
import { vi } from 'vitest';
import type { Service } from './service.ts';

/** Process ids in the order in which they were started. */
export function workersOf(service: Service): number[] {
  const children = readFileSync(`/proc/${service.pid}/task/${service.pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

/** So many connections, one after the other, reach every one of up to three workers: the kernel chooses by their ports. */
export const REACH = 40;

/** How many files and sockets each worker has open. */
export function openFilesOf(service: Service): number[] {
  return workersOf(service).map((pid) => readdirSync(`/proc/${pid}/fd`).length);
}

/** Kills the worker with this process id; resolves when another one has taken its place. */
export async function killWorker(service: Service, pid: number): Promise<void> {
  const before = workersOf(service);
  process.kill(pid, 'SIGKILL');
  await vi.waitFor(
    () => {
      const now = workersOf(service);
      if (now.includes(pid) || now.length < before.length) throw new Error('the worker has not been replaced');
    },
    { timeout: 10_000, interval: 5 },
  );
}
