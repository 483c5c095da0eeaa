// What has been heard of each DPU, in Redis: a hash for each partition, written with the history group's cursor.
import type { Redis } from 'ioredis';
import type { Heard } from '../../heard.ts';
import type { DpuId } from '../../ids.ts';
import { partitionOf } from '../../partition.ts';
import { keys } from './keys.ts';
import { temporarily } from './redis.ts';

type Packed = readonly [heardAtMs: number | null, heldAtMs: number | null, holdUntilMs: number];

export function packHeard({ heardAtMs, heldAtMs, holdUntilMs }: Heard): string {
  return JSON.stringify([heardAtMs, heldAtMs, holdUntilMs] satisfies Packed);
}

function unpackHeard(text: string): Heard {
  const [heardAtMs, heldAtMs, holdUntilMs] = JSON.parse(text) as Packed;
  return { heardAtMs, heldAtMs, holdUntilMs };
}

/** Of every DPU of the partition. */
export async function readHeard(redis: Redis, partition: number): Promise<Map<DpuId, Heard>> {
  const all = Object.entries(await redis.hgetall(keys.heard(partition)));
  return new Map(all.map(([dpuId, text]) => [dpuId as DpuId, unpackHeard(text)]));
}

/** Of each of `dpuIds`, in their order. */
export async function heardOf(redis: Redis, partitions: number, dpuIds: readonly DpuId[]): Promise<(Heard | null)[]> {
  const found = new Map<DpuId, Heard | null>();
  const ofPartition = Map.groupBy(dpuIds, (dpuId) => partitionOf(dpuId, partitions));
  await Promise.all(
    [...ofPartition].map(async ([partition, ids]) => {
      const texts = await temporarily(() => redis.hmget(keys.heard(partition), ...ids));
      for (const [index, text] of texts.entries()) {
        found.set(ids[index] as DpuId, text === null ? null : unpackHeard(text));
      }
    }),
  );
  return dpuIds.map((dpuId) => found.get(dpuId) ?? null);
}
