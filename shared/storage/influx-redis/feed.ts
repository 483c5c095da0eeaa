// The change feed as the history group writes it: what one commit changes in counts, as entries of a stream in Redis.
//
//   stream: id <number of its last change>-0, n <changes>, s <their spaces>, d <their DPUs>, c <packed, by place in s and d>
//
// Changes are numbered from the first that the partition ever made, so a place in the feed is one number, and whatever is
// appended twice has the same id.

import type { DpuId, SpaceId } from '../../ids.ts';
import { ChangePacker, type PackedChange } from '../change-packing.ts';
import type { EndOfEvent, RecordedShift } from '../history.ts';
import type { Delta } from './space-state.ts';

/** An entry is read whole for any page that begins in it. */
export const CHANGES_PER_ENTRY = 1_000;

/** What makes a delta. */
export type Source =
  | { readonly kind: 'event'; readonly dpuId: DpuId; readonly recordedAtMs: number }
  | { readonly kind: 'recount'; readonly fact: number; readonly recordedAtMs: number };

/** Names by their place in an entry. */
class Names {
  readonly #places = new Map<string, number>();

  placeOf(name: string): number {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    this.#places.set(name, this.#places.size);
    return this.#places.size - 1;
  }

  take(): string {
    const all = [...this.#places.keys()].join(',');
    this.#places.clear();
    return all;
  }
}

export class Feed {
  readonly #packer = new ChangePacker();
  readonly #spaces = new Names();
  readonly #dpus = new Names();
  readonly #entries: (string | number | Buffer)[] = [];
  #last: number;

  /** `last`: the number of the partition's newest change so far. */
  constructor(last: number) {
    this.#last = last;
  }

  /** A delta is counted in every count from its time until the next reset that has come due. */
  delta({ spaceId, sign, weight }: Delta, fromMs: number, source: Source, endOf: EndOfEvent): void {
    const untilMs = endOf(spaceId as SpaceId, fromMs);
    // At or before a reset is before it: no count starts from there.
    if (untilMs === fromMs) return;
    const { kind, recordedAtMs } = source;
    const number = source.kind === 'event' ? this.#dpus.placeOf(source.dpuId) : source.fact;
    this.#add(spaceId, { fromMs, untilMs, change: sign * weight, kind, number, recordedAtMs });
  }

  /** `net`: what the partition's deltas change by it. */
  shift({ spaceId, fromMs, untilMs, fact, recordedAtMs }: RecordedShift, change: number): void {
    if (change === 0) return;
    const kind = fact === null ? 'daily_reset' : 'reset';
    this.#add(spaceId, { fromMs, untilMs, change, kind, number: fact ?? 0, recordedAtMs });
  }

  /** Ends the commit's part of the feed: the number of its newest change, and its entries for late-commit.lua. */
  take(): { last: number; entries: readonly (string | number | Buffer)[] } {
    this.#endEntry();
    return { last: this.#last, entries: this.#entries };
  }

  #add(spaceId: string, change: Omit<PackedChange, 'space'>): void {
    this.#packer.add({ ...change, space: this.#spaces.placeOf(spaceId) });
    this.#last += 1;
    if (this.#packer.count === CHANGES_PER_ENTRY) this.#endEntry();
  }

  #endEntry(): void {
    const { count } = this.#packer;
    if (count === 0) return;
    this.#entries.push(this.#last, count, this.#spaces.take(), this.#dpus.take(), Buffer.from(this.#packer.take()));
  }
}

/** Number of elements that an entry has among the arguments of late-commit.lua. */
export const ENTRY_WIDTH = 5;
