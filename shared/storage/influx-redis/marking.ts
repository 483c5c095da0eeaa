// Marks: which hours and days of a space have points that their rollups do not know. Set before points are written, and
// taken away by who has made the rollups, unless they were set again meanwhile: an answer is right at every moment.
import type { Redis } from 'ioredis';
import { partitionOf } from '../../partition.ts';
import { keys } from './keys.ts';
import { temporarily } from './redis.ts';
import { runScript } from './scripts.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** Hours and days that points are about to be written in, by space. */
export class Marking {
  readonly #fields = new Map<string, Set<string>>();

  add(spaceId: string, timestampMs: number): void {
    const fields = this.#fields.get(spaceId) ?? new Set<string>();
    this.#fields.set(spaceId, fields);
    fields.add(`h${Math.floor(timestampMs / HOUR_MS)}`).add(`d${Math.floor(timestampMs / DAY_MS)}`);
  }

  /** Resolves once the marks are durable. */
  async set(redis: Redis, partitions: number): Promise<void> {
    const byOwner = new Map<number, { names: string[]; args: (string | number)[] }>();
    for (const [spaceId, fields] of this.#fields) {
      const owner = partitionOf(spaceId, partitions);
      const call = byOwner.get(owner) ?? { names: [keys.dirtySpaces(owner)], args: [] };
      call.names.push(keys.dirty(owner, spaceId));
      call.args.push(spaceId, fields.size, ...fields);
      byOwner.set(owner, call);
    }
    await temporarily(() =>
      Promise.all([...byOwner.values()].map(({ names, args }) => runScript(redis, 'mark', names, args))),
    );
  }
}
