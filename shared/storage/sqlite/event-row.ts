// An event as a row: in the order of its columns, and what tells it apart from others.
import type { MappedEvent } from '../history.ts';
import { HOUR_MS } from './minutes.ts';
import type { Names } from './names.ts';

export const SECOND_MS = 1000;
export const SECONDS_PER_HOUR = 3600;
/** Epoch and seq of an event that has none. */
export const ABSENT = -1;
/** As the index event_recorded_late has it: an event recorded later than that after its timestamp is late, ms. */
export const LATE_AFTER_MS = 60_000;

/** A row of `event`, in the order of its columns. */
export type EventRow = readonly [
  second: number,
  dpu: number,
  ms: number,
  direction: number,
  epoch: number,
  seq: number,
  recordedAfterMs: number,
  receivedBeforeMs: number,
  mapping: number,
];

/** When the row's event happened, ms since 1970 UTC. */
export function timestampOf(row: EventRow): number {
  return row[0] * SECOND_MS + row[2];
}

/** What tells events of one DPU apart; `atMs`: when it happened, ms since 1970 UTC. */
export type Identity = {
  readonly atMs: number;
  readonly direction: 1 | -1;
  readonly epoch: number;
  readonly seq: number;
};

export function identityOf(row: EventRow): Identity {
  return { atMs: timestampOf(row), direction: row[3] === 1 ? 1 : -1, epoch: row[4], seq: row[5] };
}

/** Rows for `events` in key order, each identity once, the others as `repeats`; gives numbers to DPUs and mappings that have none. */
export function rowsOf(events: readonly MappedEvent[], names: Names): { rows: EventRow[]; repeats: EventRow[] } {
  const rows = events.map((event): EventRow => {
    const second = Math.floor(event.timestampMs / SECOND_MS);
    return [
      second,
      names.dpu(event.dpuId, Math.floor(event.timestampMs / HOUR_MS)),
      event.timestampMs - second * SECOND_MS,
      event.direction,
      event.epoch ?? ABSENT,
      event.seq ?? ABSENT,
      event.recordedAtMs - event.timestampMs,
      event.recordedAtMs - event.receivedAtMs,
      names.mapping(event.mapping),
    ];
  });
  rows.sort(compareKeys);
  const repeats: EventRow[] = [];
  const unique = rows.filter((row, index) => {
    const isFirst = index === 0 || compareKeys(rows[index - 1] as EventRow, row) !== 0;
    if (!isFirst) repeats.push(row);
    return isFirst;
  });
  return { rows: unique, repeats };
}

function compareKeys(one: EventRow, other: EventRow): number {
  return (
    one[0] - other[0] ||
    one[1] - other[1] ||
    one[2] - other[2] ||
    one[3] - other[3] ||
    one[4] - other[4] ||
    one[5] - other[5]
  );
}
