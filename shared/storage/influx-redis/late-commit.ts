// A commit of the history group: what it adds to live counts, the change feed and recounts, and its cursor, in one script.
import type { Redis } from 'ioredis';
import type { Heard } from '../../heard.ts';
import type { DpuId } from '../../ids.ts';
import type { Ownership } from '../journal.ts';
import { Feed } from './feed.ts';
import { packHeard } from './heard.ts';
import { keys } from './keys.ts';
import type { PartitionHash } from './partition-hash.ts';
import type { RecountJobs } from './recount-jobs.ts';
import { temporarily } from './redis.ts';
import { runScript } from './scripts.ts';

export type LateParts = {
  readonly redis: Redis;
  readonly ownership: Ownership;
  /** Of the partition, in the change feed. */
  readonly changesKept: number;
};

/** What is to be stored, to be filled in; nothing is changed before `store` has succeeded. */
export class LateCommit {
  readonly #parts: LateParts;
  readonly #late: PartitionHash;
  readonly draft: ReturnType<PartitionHash['draft']>;
  readonly recounts: ReturnType<RecountJobs['draft']>;
  readonly feed: Feed;
  /** Hours of recording and of events, with the former as score. */
  readonly arrivals = new Map<string, number>();
  heard: ReadonlyMap<DpuId, Heard> = new Map();

  constructor(parts: LateParts, late: PartitionHash, jobs: RecountJobs) {
    this.#parts = parts;
    this.#late = late;
    this.draft = late.draft();
    this.recounts = jobs.draft();
    this.feed = new Feed(late.changes ?? 0);
  }

  async store(): Promise<void> {
    const { redis, ownership, changesKept } = this.#parts;
    const { partition, epoch } = ownership;
    this.draft.progress = { ...this.draft.progress, recounting: this.recounts.oldest() };
    const names = (
      ['lease', 'late', 'verdicts', 'arrivals', 'heard', 'changes', 'recounts', 'recountsDone', 'recountParts'] as const
    ).map((name) => keys[name](partition));
    const { last, entries } = this.feed.take();
    const [open, done, parts] = this.recounts.lists();
    const lists = [
      list(2, this.draft.fields()),
      list(
        2,
        [...this.arrivals].flatMap(([member, score]) => [score, member]),
      ),
      list(
        2,
        [...this.heard].flatMap(([dpuId, of]) => [dpuId, packHeard(of)]),
      ),
      list(5, entries),
      list(2, open),
      list(2, done),
      list(2, parts),
    ];
    // Only those before this batch: when the answer gets lost, the batch is judged by its own once more.
    const doneWith = this.#late.progress.position;
    await temporarily(() =>
      runScript(redis, 'late-commit', names, [epoch, doneWith, last, changesKept, ...lists.flat()]),
    );
    this.draft.take();
    this.#late.changes = last;
    this.recounts.take();
  }
}

type Argument = string | number | Buffer;

/** How many there are, of so many elements each, and all of them. */
function list(width: number, elements: readonly Argument[]): Argument[] {
  return [elements.length / width, ...elements];
}

/** Says durably what is about to be written to InfluxDB: `key` is that of a hash of the partition. */
export async function begin(
  { redis, ownership }: Pick<LateParts, 'redis' | 'ownership'>,
  key: string,
  field: string | number,
  value: string | number,
): Promise<void> {
  const { epoch, partition } = ownership;
  await temporarily(() => runScript(redis, 'begin', [keys.lease(partition), key], [epoch, field, value]));
}
