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

/** `rows`, in the order asked for, after the cursor. */
export function afterCursor(rows: readonly EventRow[], { cursor, order, by }: EventsQuery): readonly EventRow[] {
  if (cursor === undefined) return rows;
  const after = cursor.split('~').map(Number) as unknown as Key;
  const sign = order === 'asc' ? 1 : -1;
  return rows.filter((row) => sign * compareKeys(keyOf(row, by), after) > 0);
}

export function keyOf(row: EventRow, by: EventsQuery['by']): Key {
  const sortMs = by === 'timestamp' ? timestampOf(row) : timestampOf(row) + row[6];
  return [sortMs, row[0], row[1], row[2], row[3], row[4], row[5]];
}

function compareKeys(one: Key, other: Key): number {
  for (const [index, value] of one.entries()) if (value !== other[index]) return value - (other[index] as number);
  return 0;
}
