// A page of events as it goes from one thread to another: as numbers in one array. As objects it would carry the name of each
// field with each event, and take ten times as long.
import type { Direction } from '../../event.ts';
import type { DpuId } from '../../ids.ts';
import type { MappingStatus } from '../../mapping.ts';
import type { EventsPage, StoredEvent } from '../history.ts';

/** `numbers`: those of one event after those of the other; `dpuIds`: what the first of them counts in. */
export type PackedPage = Omit<EventsPage, 'results'> & {
  readonly dpuIds: readonly DpuId[];
  readonly numbers: Float64Array;
};

const STATUSES: readonly MappingStatus[] = ['counted', 'unplaced', 'voided'];
/** Of one event: DPU, timestamp, direction, epoch, seq, received_at, recorded_at, status. */
const NUMBERS = 8;
/** Epoch and seq of an event that has none: neither is ever negative. */
const ABSENT = -1;

export function packPage({ results, ...page }: EventsPage): PackedPage {
  const places = new Map<DpuId, number>();
  const numbers = new Float64Array(results.length * NUMBERS);
  let at = 0;
  for (const { dpuId, timestampMs, direction, epoch, seq, receivedAtMs, recordedAtMs, status } of results) {
    const place = places.get(dpuId) ?? places.size;
    if (place === places.size) places.set(dpuId, place);
    numbers[at++] = place;
    numbers[at++] = timestampMs;
    numbers[at++] = direction;
    numbers[at++] = epoch ?? ABSENT;
    numbers[at++] = seq ?? ABSENT;
    numbers[at++] = receivedAtMs;
    numbers[at++] = recordedAtMs;
    numbers[at++] = STATUSES.indexOf(status);
  }
  return { ...page, dpuIds: [...places.keys()], numbers };
}

export function unpackPage({ dpuIds, numbers, ...page }: PackedPage): EventsPage {
  const results: StoredEvent[] = [];
  for (let at = 0; at < numbers.length; at += NUMBERS) {
    const [epoch, seq] = [numbers[at + 3] as number, numbers[at + 4] as number];
    results.push({
      dpuId: dpuIds[numbers[at] as number] as DpuId,
      timestampMs: numbers[at + 1] as number,
      direction: numbers[at + 2] as Direction,
      epoch: epoch === ABSENT ? null : epoch,
      seq: seq === ABSENT ? null : seq,
      receivedAtMs: numbers[at + 5] as number,
      recordedAtMs: numbers[at + 6] as number,
      status: STATUSES[numbers[at + 7] as number] as MappingStatus,
    });
  }
  return { ...page, results };
}
