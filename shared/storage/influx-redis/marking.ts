// Marks: which hours and days of a space have points that their rollups do not know. An answer is right at every moment:
//
//   mark ▶ write points ▶ move the cursor        by the group that writes, with the journal position of what it writes
//   see a mark that the cursor has passed ▶ read points ▶ write rollup ▶ unmark, if the mark is still the same one
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { partitionOf } from '../../partition.ts';
import { keys } from './keys.ts';
import { temporarily } from './redis.ts';
import { runScript } from './scripts.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** What is marked, numbered since 1970 UTC, and which partition writes there. Stands as `h422072:3` in Redis. */
export type Mark = { readonly level: 'hour' | 'day'; readonly number: number; readonly partition: number };

export function markOf(field: string): Mark {
  const [number = '', partition = ''] = field.slice(1).split(':');
  return { level: field.startsWith('h') ? 'hour' : 'day', number: Number(number), partition: Number(partition) };
}

/** The journal position whose points a mark announces. */
export function positionOf(value: string): number {
  return Number(value.split(':', 1)[0]);
}

/** Hours and days that points of one partition are about to be written in, by space. */
export class Marking {
  readonly #partition: number;
  readonly #fields = new Map<string, Set<string>>();

  constructor(partition: number) {
    this.#partition = partition;
  }

  add(spaceId: string, timestampMs: number): void {
    const fields = this.#fields.get(spaceId) ?? new Set<string>();
    this.#fields.set(spaceId, fields);
    fields.add(`h${Math.floor(timestampMs / HOUR_MS)}:${this.#partition}`);
    fields.add(`d${Math.floor(timestampMs / DAY_MS)}:${this.#partition}`);
  }

  /** Resolves once the marks are durable. They hold until the cursor of the partition has passed `position`. */
  async set(redis: Redis, partitions: number, position: number): Promise<void> {
    const byOwner = new Map<number, { names: string[]; args: (string | number)[] }>();
    for (const [spaceId, fields] of this.#fields) {
      const owner = partitionOf(spaceId, partitions);
      const call = byOwner.get(owner) ?? { names: [keys.dirtySpaces(owner)], args: [`${position}:${randomUUID()}`] };
      call.names.push(keys.dirty(owner, spaceId));
      call.args.push(spaceId, fields.size, ...fields);
      byOwner.set(owner, call);
    }
    await temporarily(() =>
      Promise.all([...byOwner.values()].map(({ names, args }) => runScript(redis, 'mark', names, args))),
    );
  }
}
