// What a disk may hold after the power went: what was synced, and of the rest whatever chance let through.
//
// The rules, harsher than any one file system: a write or truncation is certain once its file was synced after it; until
// then each may be there, be missing, be missing with the file grown all the same, or be torn at sectors, independently of
// all others. A name (made, moved, removed) is certain once its directory was synced after it. The data of a file whose
// name is lost is lost with it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Random } from '../fault/seed.ts';
import type { DiskCall } from './disk-shim.ts';

/** The unit that a disk writes whole. */
const SECTOR_BYTES = 512;

type Change = Extract<DiskCall, { kind: 'write' | 'truncate' }> & { readonly index: number };
type Write = Extract<Change, { kind: 'write' }>;
type Naming = Extract<DiskCall, { kind: 'open' | 'unlink' | 'rename' | 'mkdir' }> & { readonly index: number };

/** `path` is a file number, or a directory. */
type Names = Map<string, number | 'directory'>;

/** SQLite's shared memory is made anew by whoever opens a database first; what it held does not matter. */
const WITHOUT_MEANING = /-shm$/;

/** One possible content of the folder; equal keys mean equal contents. */
export type DiskState = { readonly key: string; readonly files: ReadonlyMap<string, Buffer>; readonly names: Names };

/** The disk while a recording is played back on it, call by call. */
export class PowerLossDisk {
  readonly #durable = new Map<number, Content>();
  readonly #changes = new Map<number, Change[]>();
  readonly #names: Names = new Map();
  readonly #ignored = new Set<number>();
  #namings: Naming[] = [];
  #index = 0;
  /** Grows whenever what is certain changes. */
  #version = 0;

  apply(call: DiskCall): void {
    const index = this.#index++;
    switch (call.kind) {
      case 'open':
        if (WITHOUT_MEANING.test(call.path)) this.#ignored.add(call.file);
        else if (call.created) this.#namings.push({ ...call, index });
        return;
      case 'unlink':
      case 'rename':
      case 'mkdir':
        if (!WITHOUT_MEANING.test(call.path)) this.#namings.push({ ...call, index });
        return;
      case 'write':
      case 'truncate':
        if (this.#ignored.has(call.file)) return;
        if (!this.#changes.has(call.file)) this.#changes.set(call.file, []);
        this.#changes.get(call.file)?.push({ ...call, index });
        return;
      case 'sync':
        return this.#syncFile(call.file);
      case 'syncDirectory':
        return this.#syncDirectory(call.path);
      case 'mark':
        return;
    }
  }

  /** The disk if the power went now, with chance deciding what is not certain. */
  sample(random: Random): DiskState {
    // How kind the disk is differs from state to state, so that "all of it" and "none of it" are common.
    const kept = random.pick([0, 1, 0.5, random.next()]);
    const fates: string[] = [];
    const names: Names = new Map(this.#names);
    for (const naming of this.#namings) {
      if (!random.chance(kept)) continue;
      applyNaming(names, naming);
      fates.push(`${naming.index}`);
    }
    const files = new Map<string, Buffer>();
    for (const [path, file] of names)
      if (file !== 'directory') files.set(path, this.#sampleFile(file, kept, random, fates));
    return { key: `${this.#version}:${fates.join(',')}`, files, names };
  }

  #sampleFile(file: number, kept: number, random: Random, fates: string[]): Buffer {
    const durable = this.#durable.get(file) ?? new Content();
    const changes = this.#changes.get(file) ?? [];
    if (changes.length === 0) return durable.bytes;
    const content = durable.copy();
    for (const change of changes) {
      const fate = fateOf(change, kept, random);
      if (fate !== '') fates.push(`${change.index}${fate}`);
      applyChange(content, change, fate);
    }
    return content.bytes;
  }

  #syncFile(file: number): void {
    const changes = this.#changes.get(file);
    if (changes === undefined) return;
    const content = this.#durable.get(file) ?? new Content();
    for (const change of changes) applyChange(content, change, 'kept');
    this.#durable.set(file, content);
    this.#changes.delete(file);
    this.#version += 1;
  }

  #syncDirectory(path: string): void {
    const isHere = (naming: Naming) => directoryOf(naming.kind === 'rename' ? naming.to : naming.path) === path;
    const here = this.#namings.filter(isHere);
    if (here.length === 0) return;
    for (const naming of here) applyNaming(this.#names, naming);
    this.#namings = this.#namings.filter((naming) => !isHere(naming));
    this.#version += 1;
  }
}

/** Writes the state below `folder`, which must be empty. Files in a directory that was lost are lost. */
export function materialise(state: DiskState, folder: string): void {
  for (const [path, file] of state.names) {
    if (file === 'directory') mkdirSync(join(folder, path), { recursive: true });
  }
  for (const [path, content] of state.files) {
    if (directoryOf(path) === '' || state.names.get(directoryOf(path)) === 'directory')
      writeFileSync(join(folder, path), content);
  }
}

/** What a file holds; grows without being copied each time. */
class Content {
  #buffer = Buffer.alloc(0);
  #length = 0;

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  copy(): Content {
    const copy = new Content();
    copy.write(this.bytes, 0);
    return copy;
  }

  write(bytes: Buffer, offset: number): void {
    this.grow(offset + bytes.length);
    bytes.copy(this.#buffer, offset);
  }

  /** Zeros up to `length`, unless there is more already. */
  grow(length: number): void {
    if (length > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(length, 2 * this.#length));
      this.bytes.copy(larger);
      this.#buffer = larger;
    }
    this.#length = Math.max(this.#length, length);
  }

  truncate(length: number): void {
    this.grow(length);
    this.#buffer.fill(0, length, this.#length);
    this.#length = length;
  }
}

function directoryOf(path: string): string {
  const directory = dirname(path);
  return directory === '.' ? '' : directory;
}

function applyNaming(names: Names, naming: Naming): void {
  switch (naming.kind) {
    case 'open':
      names.set(naming.path, naming.file);
      return;
    case 'mkdir':
      names.set(naming.path, 'directory');
      return;
    case 'unlink':
      names.delete(naming.path);
      return;
    case 'rename': {
      const file = names.get(naming.path);
      if (file === undefined) return;
      names.delete(naming.path);
      names.set(naming.to, file);
    }
  }
}

/** `kept`, `grown` (the length only), '' (missing), or the sectors that arrived, as a bit mask in base 36. */
function fateOf(change: Change, kept: number, random: Random): string {
  if (random.chance(kept)) return 'kept';
  if (change.kind === 'truncate') return '';
  const chosen = random.below(3);
  if (chosen === 0) return '';
  if (chosen === 1) return 'grown';
  const mask = random.below(2 ** sectorsOf(change));
  return mask === 0 ? '' : `torn${mask.toString(36)}`;
}

function applyChange(content: Content, change: Change, fate: string): void {
  if (fate === '') return;
  if (change.kind === 'truncate') return content.truncate(change.length);
  content.grow(change.offset + change.bytes.length);
  if (fate === 'kept') content.write(change.bytes, change.offset);
  else if (fate !== 'grown') writeSectors(content, change, Number.parseInt(fate.slice('torn'.length), 36));
}

function sectorsOf(change: Write): number {
  const first = Math.floor(change.offset / SECTOR_BYTES);
  // A mask of more than 30 sectors would not fit; what lies beyond shares the fate of the last.
  return Math.min(30, Math.ceil((change.offset + change.bytes.length) / SECTOR_BYTES) - first);
}

function writeSectors(content: Content, change: Write, mask: number): void {
  const first = Math.floor(change.offset / SECTOR_BYTES);
  const sectors = sectorsOf(change);
  for (let sector = 0; sector < sectors; sector++) {
    if ((mask & (1 << sector)) === 0) continue;
    const from = Math.max(0, (first + sector) * SECTOR_BYTES - change.offset);
    const until = sector === sectors - 1 ? change.bytes.length : (first + sector + 1) * SECTOR_BYTES - change.offset;
    content.write(change.bytes.subarray(from, until), change.offset + from);
  }
}
