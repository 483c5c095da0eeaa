// Compiles C that tests and benches need, once for each version of its sources.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where it is, or why it is not there: completes "this ...". */
export type Compiled = { readonly path: string } | { readonly missing: string };

/** `sources`: the file to compile, and those that it includes. */
export function compileC(name: string, sources: readonly string[], options: readonly string[]): Compiled {
  const text = sources.map((source) => readFileSync(source, 'utf8')).join('\0');
  const version = createHash('sha256').update(text).update(options.join()).digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `footfall-${name}`);
  const path = join(folder, version);
  if (existsSync(path)) return { path };
  mkdirSync(folder, { recursive: true });
  const draft = `${path}.${process.pid}`;
  const { error, status, stderr } = spawnSync('cc', ['-o', draft, sources[0] as string, ...options]);
  if (error !== undefined) return { missing: `needs a C compiler: cc: ${error.message}` };
  if (status !== 0) throw new Error(`${sources[0]} does not compile:\n${stderr}`);
  renameSync(draft, path);
  return { path };
}
