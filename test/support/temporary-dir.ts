// Temporary directories that are gone when the process of the tests ends.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const temporaryDirs = new Set<string>();

process.on('exit', () => {
  for (const dir of temporaryDirs) rmSync(dir, { recursive: true, force: true });
});

/** A new directory that is removed when the process of the tests ends. */
export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'footfall-test-'));
  temporaryDirs.add(dir);
  return dir;
}

export function removeDir(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
  temporaryDirs.delete(dir);
}
