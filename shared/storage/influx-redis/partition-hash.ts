// A group's hash of one partition: one field a space, and its progress; read whole when the partition is taken over.
import type { Redis } from 'ioredis';
import { OLDEST_EVENT_MS } from '../../event.ts';
import type { Batch, Progress } from '../history.ts';
import { BEGUN_FIELD, CHANGES_FIELD, PROGRESS_FIELD } from './keys.ts';
import { copySpace, decodeSpace, emptySpace, encodeSpace, type SpaceState } from './space-state.ts';

/** How far a group has come, as it stands in Redis. */
export type GroupProgress = Omit<Progress, 'begunUpTo'>;
export const NO_PROGRESS: GroupProgress = { position: 0, factNumber: 0, dueMs: 0, recounting: null, oldestMs: null };

/** The progress once `batch` has been taken in. */
export function afterBatch(
  progress: GroupProgress,
  { position, events }: Pick<Batch, 'position' | 'events'>,
): GroupProgress {
  let oldestMs = progress.oldestMs ?? Number.POSITIVE_INFINITY;
  for (const { timestampMs } of events) oldestMs = Math.min(oldestMs, timestampMs);
  return { ...progress, position, oldestMs: Number.isFinite(oldestMs) ? oldestMs : null };
}
export class PartitionHash {
  readonly spaces = new Map<string, SpaceState>();
  progress: GroupProgress = NO_PROGRESS;
  /** The number of the newest change in the feed; null: no feed was kept so far. */
  changes: number | null = null;
  /** Points of entries up to there may have been written; null: it was never said. */
  begunUpTo: number | null = null;

  static async read(redis: Redis, key: string): Promise<PartitionHash> {
    const hash = new PartitionHash();
    for (const [field, text] of Object.entries(await redis.hgetall(key))) {
      // A store of before it was kept may hold events of any age.
      if (field === PROGRESS_FIELD) hash.progress = { ...NO_PROGRESS, oldestMs: OLDEST_EVENT_MS, ...JSON.parse(text) };
      else if (field === CHANGES_FIELD) hash.changes = Number(text);
      else if (field === BEGUN_FIELD) hash.begunUpTo = Number(text);
      else hash.spaces.set(field, decodeSpace(text));
    }
    return hash;
  }

  /** A change of some fields, which becomes part of the hash once it is stored. */
  draft(): Draft {
    return new Draft(this);
  }
}

/** What a commit changes: copies, so that a commit that fails leaves the hash as it was. */
export class Draft {
  readonly #hash: PartitionHash;
  readonly #spaces = new Map<string, SpaceState>();
  progress: GroupProgress;

  constructor(hash: PartitionHash) {
    this.#hash = hash;
    this.progress = hash.progress;
  }

  /** The space as drafted, to be changed in place; its revision grows once. */
  space(spaceId: string): SpaceState {
    let space = this.#spaces.get(spaceId);
    if (space === undefined) {
      const known = this.#hash.spaces.get(spaceId);
      space = known === undefined ? emptySpace() : copySpace(known);
      space.revision += 1;
      this.#spaces.set(spaceId, space);
    }
    return space;
  }

  /** Field and value, one after the other. */
  fields(): string[] {
    const fields = [...this.#spaces].flatMap(([spaceId, space]) => [spaceId, encodeSpace(space)]);
    return [...fields, PROGRESS_FIELD, JSON.stringify(this.progress)];
  }

  /** Call once stored. */
  take(): void {
    for (const [spaceId, space] of this.#spaces) this.#hash.spaces.set(spaceId, space);
    this.#hash.progress = this.progress;
  }
}
