// The order of raw events in pages: by timestamp or by recording, then by what tells events apart.
import type { EventsQuery } from '../history.ts';
import { type EventRow, timestampOf } from './event-row.ts';

/** The place of a row in the order asked for: the time it is ordered by, then the columns of its key. */
export type Key = readonly [
  sortMs: number,
  second: number,
  dpu: number,
  ms: number,
  direction: number,
  epoch: number,
  seq: number,
];

export type Order = 'asc' | 'desc';
/** Whole seconds that are never reached: below and above every key. */
export const EDGE: Record<Order, number> = { asc: -1, desc: 1e13 };

/** The place of the last row of the page before; undefined: there was none. */
export function placeOf({ cursor }: { readonly cursor?: string | undefined }): Key | undefined {
  return cursor === undefined ? undefined : (cursor.split('~').map(Number) as unknown as Key);
}

/** `rows`, in the order asked for, after the cursor. */
export function* afterCursor(rows: Iterable<EventRow>, query: EventsQuery): Generator<EventRow> {
  const after = placeOf(query);
  const sign = query.order === 'asc' ? 1 : -1;
  for (const row of rows) {
    if (after === undefined || sign * compareKeys(keyOf(row, query.by), after) > 0) yield row;
  }
}

export function keyOf(row: EventRow, by: EventsQuery['by']): Key {
  const sortMs = by === 'timestamp' ? timestampOf(row) : timestampOf(row) + row[6];
  return [sortMs, row[0], row[1], row[2], row[3], row[4], row[5]];
}

function compareKeys(one: Key, other: Key): number {
  for (const [index, value] of one.entries()) if (value !== other[index]) return value - (other[index] as number);
  return 0;
}
