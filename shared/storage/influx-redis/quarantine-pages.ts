// Pages of quarantine: the newest items of all partitions, merged.
import type { Redis } from 'ioredis';
import type { QuarantineReason } from '../../event.ts';
import type { DpuId } from '../../ids.ts';
import type { QuarantineItem, QuarantineQuery, QuarantineReader } from '../quarantine.ts';
import { keys } from './keys.ts';
import type { StoredItem } from './quarantine-arguments.ts';
import { temporarily } from './redis.ts';

/** The place of an item in the order: newest first, of one millisecond by id. */
type Place = { readonly id: string; readonly recordedAtMs: number; readonly partition: number };

export function openQuarantinePages(redis: Redis, partitions: number): QuarantineReader {
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  return {
    list: (query) =>
      temporarily(async () => {
        const places = (await Promise.all(all.map((partition) => placesOf(redis, partition, query)))).flat();
        places.sort(newestFirst);
        const after = query.cursor === undefined ? null : placeOf(query.cursor);
        const rest = after === null ? places : places.filter((place) => newestFirst(place, after) > 0);
        const page = rest.slice(0, query.limit);
        const last = page.at(-1);
        const hasMore = rest.length > page.length && last !== undefined;
        return {
          total: places.length,
          next: hasMore ? `${last.recordedAtMs}~${last.id}` : null,
          results: (await Promise.all(page.map((place) => itemOf(redis, place)))).filter((item) => item !== null),
        };
      }),
  };
}

/** Of one partition, the items that fit everything in the query. */
async function placesOf(redis: Redis, partition: number, query: QuarantineQuery): Promise<Place[]> {
  const { dpuId, reason, ids } = query;
  const index =
    dpuId !== undefined
      ? keys.quarantineOfDpu(partition, dpuId)
      : reason !== undefined
        ? keys.quarantineOfReason(partition, reason)
        : keys.quarantine(partition);
  const members = await redis.zrange(index, '0', '-1', 'WITHSCORES');
  const places: Place[] = [];
  for (let at = 0; at < members.length; at += 2) {
    places.push({ id: String(members[at]), recordedAtMs: Number(members[at + 1]), partition });
  }
  const wanted = ids === undefined ? places : places.filter((place) => ids.includes(place.id));
  if (dpuId === undefined || reason === undefined || wanted.length === 0) return wanted;
  const scores = await redis.zmscore(keys.quarantineOfReason(partition, reason), ...wanted.map((place) => place.id));
  return wanted.filter((_, index) => scores[index] !== null);
}

async function itemOf(redis: Redis, { id, partition }: Place): Promise<QuarantineItem | null> {
  const text = await redis.hget(keys.quarantineItems(partition), id);
  if (text === null) return null;
  const item = JSON.parse(text) as StoredItem;
  return {
    id,
    topic: item.topic,
    dpuId: item.dpuId as DpuId | null,
    reason: item.reason as QuarantineReason,
    receivedAtMs: item.receivedAtMs,
    payload: Buffer.from(item.payloadBase64, 'base64'),
    detail: item.detail,
  };
}

function newestFirst(one: Omit<Place, 'partition'>, other: Omit<Place, 'partition'>): number {
  return other.recordedAtMs - one.recordedAtMs || (one.id < other.id ? 1 : one.id > other.id ? -1 : 0);
}

function placeOf(cursor: string): Omit<Place, 'partition'> {
  const [recordedAt = '0', id = ''] = cursor.split('~');
  return { recordedAtMs: Number(recordedAt), id };
}
