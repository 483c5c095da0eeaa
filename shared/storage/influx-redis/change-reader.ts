// The change feed as everybody reads it: the streams of all partitions as one, the change that was recorded first coming first.
//
// A place in it is how many changes have been read of each partition.
import type { Redis } from 'ioredis';
import type { SpaceId } from '../../ids.ts';
import { type PackedChange, unpackChanges } from '../change-packing.ts';
import { type ChangeCause, type ChangeReader, type CountChange, numbersAt, placeOf } from '../changes.ts';
import { CHANGES_PER_ENTRY } from './feed.ts';
import { CHANGES_FIELD, keys } from './keys.ts';
import { temporarily } from './redis.ts';

/** Changes looked at for one page, of each partition; a filter may leave fewer than were asked for. */
const LOOKED_AT = 20_000;

type StreamEntry = [id: Buffer, fields: Buffer[]];
type Change = Omit<CountChange, 'cursor' | 'partition' | 'number'>;
/** What follows a place in one partition. */
type Part = { readonly newest: number; readonly changes: Change[]; readonly isExpired: boolean };

export function openChangeReader(redis: Redis, partitions: number): ChangeReader {
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  return {
    changes: async (cursor, spaceIds, limit) => {
      const place = cursor === null ? all.map(() => 0) : placesOf(cursor, partitions);
      if (place === null) return 'invalid';
      const count = spaceIds === null ? Math.min(limit, LOOKED_AT) : LOOKED_AT;
      const parts = await temporarily(() =>
        Promise.all(all.map((partition) => read(redis, partition, place[partition] as number, count))),
      );
      if (parts.some(({ newest }, partition) => (place[partition] as number) > newest)) return 'invalid';
      if (parts.some(({ isExpired }) => isExpired)) return 'expired';
      const wanted = spaceIds === null ? null : new Set(spaceIds);
      const results: CountChange[] = [];
      const taken = all.map(() => 0);
      while (results.length < limit) {
        const partition = earliest(parts, taken);
        if (partition === null) break;
        const change = parts[partition]?.changes[taken[partition] as number] as Change;
        taken[partition] = (taken[partition] as number) + 1;
        place[partition] = (place[partition] as number) + 1;
        if (wanted === null || wanted.has(change.spaceId))
          results.push({ ...change, partition, number: place[partition] as number, cursor: placeOf(place) });
      }
      return { results, next: placeOf(place) };
    },
    newestChange: async () => {
      const newest = await temporarily(() =>
        Promise.all(all.map((partition) => redis.hget(keys.late(partition), CHANGES_FIELD))),
      );
      return placeOf(newest.map((text) => Number(text ?? 0)));
    },
  };
}

/** The partition whose next change was recorded first; null when there is no more. */
function earliest(parts: readonly Part[], taken: readonly number[]): number | null {
  let found: { partition: number; atMs: number } | null = null;
  for (const [partition, { changes }] of parts.entries()) {
    const next = changes[taken[partition] as number];
    if (next === undefined || (found !== null && found.atMs <= next.recordedAtMs)) continue;
    found = { partition, atMs: next.recordedAtMs };
  }
  return found?.partition ?? null;
}

/** Up to `count` changes after number `after`. */
async function read(redis: Redis, partition: number, after: number, count: number): Promise<Part> {
  // An entry's id is the number of its last change.
  const [from, to] = [`(${after}-0`, `${after + count + CHANGES_PER_ENTRY}-0`];
  const answers = await redis
    .multi()
    .xrangeBuffer(keys.changes(partition), from, to)
    .hget(keys.late(partition), CHANGES_FIELD)
    .exec();
  const [entries, newest] = (answers ?? []).map(([error, answer]) => {
    if (error !== null) throw error;
    return answer;
  });
  const changes = (entries as StreamEntry[]).flatMap((entry) => changesIn(entry, after)).slice(0, count);
  return {
    newest: Number(newest ?? 0),
    changes,
    isExpired: firstAfter(entries as StreamEntry[], Number(newest ?? 0)) > after + 1,
  };
}

/** The number of the first change of `entries`; without any, of the next one that will be. */
function firstAfter([entry]: readonly StreamEntry[], newest: number): number {
  if (entry === undefined) return newest + 1;
  return numberOf(entry) - Number(String(entry[1][1])) + 1;
}

function numberOf([streamId]: StreamEntry): number {
  return Number(String(streamId).split('-', 1)[0]);
}

/** The changes of an entry that have numbers after `after`. */
function changesIn(entry: StreamEntry, after: number): Change[] {
  const [, , , spaces, , dpus, , packed] = entry[1] as [...Buffer[]] as Buffer[];
  const names = [String(spaces).split(','), String(dpus).split(',')] as const;
  const unpacked = unpackChanges(packed as Buffer);
  const skip = Math.max(0, unpacked.length - (numberOf(entry) - after));
  return unpacked.slice(skip).map((change) => changeOf(change, ...names));
}

function changeOf(packed: PackedChange, spaces: readonly string[], dpus: readonly string[]): Change {
  const { space, fromMs, untilMs, change, kind, number, recordedAtMs } = packed;
  const cause = (): ChangeCause => {
    switch (kind) {
      case 'event':
        return { kind, dpuId: dpus[number] as Extract<ChangeCause, { kind: 'event' }>['dpuId'] };
      case 'recount':
        return { kind, fact: number };
      case 'reset':
        return { kind, fact: number };
      case 'daily_reset':
        return { kind: 'reset', fact: null };
    }
  };
  return { spaceId: spaces[space] as SpaceId, fromMs, untilMs, change, cause: cause(), recordedAtMs };
}

/** The changes read of each partition; null when the text is no place. */
function placesOf(cursor: string, partitions: number): number[] | null {
  if (!/^\d{1,16}(-(\d{1,15}\.)*\d{1,15})?$/.test(cursor)) return null;
  const place = numbersAt(cursor);
  return place.length === partitions && placeOf(place) === cursor ? place : null;
}
