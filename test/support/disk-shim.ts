// Has disk-shim.c compiled, says how to run a process under it, and reads what it recorded.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileC } from './compile-c.ts';

const SOURCE = join(import.meta.dirname, 'disk-shim.c');

export type DiskShim = { readonly library: string } | { readonly missing: string };

/** The compiled library, or why there is none. */
export function buildDiskShim(): DiskShim {
  if (process.platform !== 'linux') return { missing: 'disk faults need Linux (LD_PRELOAD)' };
  const compiled = compileC('disk-shim', [SOURCE], ['-shared', '-fPIC', '-O2', '-ldl', '-lpthread']);
  return 'missing' in compiled ? { missing: `disk faults ${compiled.missing}` } : { library: compiled.path };
}

export type FaultedCall = 'write' | 'truncate' | 'sync' | 'open' | 'name';

export type DiskFault = {
  /** `drop`: the call answers success and does nothing. `short`, `kill`: half of a write still reaches the file. */
  readonly fault: 'enospc' | 'eio' | 'short' | 'kill' | 'drop';
  readonly calls: readonly FaultedCall[];
  /** A piece of the names of the files; default: all. */
  readonly files?: string;
  /** Only the k-th such call, counted from 1. */
  readonly at?: number;
  /** Only while this file exists. */
  readonly flag?: string;
};

/** The environment of a process that runs under the shim. `marks`: what is written to that file is recorded in order. */
export function shimEnvironment(
  library: string,
  root: string,
  options: { record?: { log: string; marks: string }; fault?: DiskFault },
): Record<string, string> {
  const { record, fault } = options;
  return {
    LD_PRELOAD: library,
    DISK_SHIM_ROOT: root,
    ...(record === undefined ? {} : { DISK_SHIM_LOG: record.log, DISK_SHIM_MARKS: record.marks }),
    ...(fault === undefined ? {} : { DISK_SHIM_FAULT: fault.fault, DISK_SHIM_CALLS: fault.calls.join(',') }),
    ...(fault?.files === undefined ? {} : { DISK_SHIM_FILES: fault.files }),
    ...(fault?.at === undefined ? {} : { DISK_SHIM_AT: String(fault.at) }),
    ...(fault?.flag === undefined ? {} : { DISK_SHIM_FLAG: fault.flag }),
  };
}

/** One call, paths relative to the root. `file` is a number that a file keeps whatever its name. */
export type DiskCall =
  | { readonly kind: 'open'; readonly file: number; readonly path: string; readonly created: boolean }
  | { readonly kind: 'write'; readonly file: number; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly file: number; readonly length: number }
  | { readonly kind: 'sync'; readonly file: number }
  | { readonly kind: 'unlink'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  | { readonly kind: 'mkdir'; readonly path: string }
  | { readonly kind: 'syncDirectory'; readonly path: string }
  | { readonly kind: 'mark'; readonly text: string };

const HEADER_BYTES = 20;
const START = 10;

/**
 * The calls in a log of the shim, in order; its format stands at `record` in disk-shim.c. Processes that ran one after
 * the other may have written to it: a file keeps its number from one to the next.
 */
export function readShimLog(path: string): DiskCall[] {
  const log = readFileSync(path);
  const numbers = new FileNumbers();
  const calls: DiskCall[] = [];
  for (let at = 0; at + HEADER_BYTES <= log.length; ) {
    const end = at + HEADER_BYTES + log.readUInt32LE(at + 16);
    const [kind, file, offset] = [log.readUInt32LE(at), log.readUInt32LE(at + 4), Number(log.readBigUInt64LE(at + 8))];
    // A killed process may leave half a record.
    if (end > log.length) break;
    if (kind === START) numbers.startProcess();
    else calls.push(numbers.renumber(decode(kind, file, offset, log.subarray(at + HEADER_BYTES, end))));
    at = end;
  }
  return calls;
}

/** One number for each file over all processes of a log. */
class FileNumbers {
  readonly #ofPath = new Map<string, number>();
  #ofProcess = new Map<number, number>();
  #length = 0;

  startProcess(): void {
    this.#ofProcess = new Map();
  }

  renumber(call: DiskCall): DiskCall {
    if (call.kind === 'open') {
      const known = this.#ofProcess.get(call.file) ?? (call.created ? undefined : this.#ofPath.get(call.path));
      const file = known ?? ++this.#length;
      this.#ofProcess.set(call.file, file);
      this.#ofPath.set(call.path, file);
      return { ...call, file };
    }
    if (call.kind === 'rename') this.#ofPath.set(call.to, this.#ofPath.get(call.path) ?? ++this.#length);
    return 'file' in call ? { ...call, file: this.#ofProcess.get(call.file) ?? 0 } : call;
  }
}

function decode(kind: number, file: number, offset: number, bytes: Buffer): DiskCall {
  const path = bytes.toString();
  switch (kind) {
    case 1:
      return { kind: 'open', file, path, created: offset === 1 };
    case 2:
      return { kind: 'write', file, offset, bytes };
    case 3:
      return { kind: 'truncate', file, length: offset };
    case 4:
      return { kind: 'sync', file };
    case 5:
      return { kind: 'unlink', path };
    case 6: {
      const [from = '', to = ''] = path.split('\0');
      return { kind: 'rename', path: from, to };
    }
    case 7:
      return { kind: 'mkdir', path };
    case 8:
      return { kind: 'syncDirectory', path };
    case 9:
      return { kind: 'mark', text: path };
    default:
      throw new Error(`a record of kind ${kind} in the log of the disk shim`);
  }
}
