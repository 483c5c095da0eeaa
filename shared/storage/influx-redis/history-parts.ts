// What the history group of a partition works on.
import type { Redis } from 'ioredis';
import type { DpuId } from '../../ids.ts';
import type { Ownership } from '../journal.ts';
import type { Influx } from './influx.ts';
import type { LiveWriter } from './live-writer.ts';

export type HistoryParts = {
  readonly redis: Redis;
  readonly influx: Influx;
  readonly ownership: Ownership;
  /** Of the same partition, in the same process, and never behind. */
  readonly live: LiveWriter;
  readonly partitions: number;
  /** Of each partition, in the change feed. */
  readonly changesKept: number;
};

/** The number of a DPU that the live group has met already. */
export function numberOf(live: LiveWriter, dpuId: DpuId): number {
  const number = live.numberOf(dpuId);
  if (number === undefined) throw new Error(`history is ahead of live counts: ${dpuId} has no number yet`);
  return number;
}
