// Pages of lists: `{"total","next","results"}`, and cursors that only work for the list that gave them.
import { createHash } from 'node:crypto';
import { Problem } from './problem.ts';
import type { Paging } from './schemas.ts';

export type Page<Item> = { readonly total: number; readonly next: string | null; readonly results: readonly Item[] };

/** Characters of the checksum that tells our own cursors from made-up ones. */
const CHECKSUM_CHARACTERS = 8;

/** An opaque cursor for `place` in `list`; `list` names everything that the order of the list depends on. */
export function sealCursor(list: string, place: string): string {
  return Buffer.from(checksum(list, place) + place).toString('base64url');
}

/** The place that `cursor` was made from; undefined for no cursor. Throws invalid_cursor for one of another list. */
export function openCursor(list: string, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const text = Buffer.from(cursor, 'base64url').toString();
  const place = text.slice(CHECKSUM_CHARACTERS);
  if (text.slice(0, CHECKSUM_CHARACTERS) !== checksum(list, place)) {
    throw new Problem('invalid_cursor', 'ask with the same parameters and the `next` of the page before, or without', {
      errors: [{ path: 'query.cursor', message: 'it was not given for this list' }],
    });
  }
  return place;
}

/** A page of `items`, which are sorted by a key that no two of them share. */
export function pageOf<Item>(
  list: string,
  items: readonly Item[],
  keyOf: (item: Item) => string | number,
  query: Paging,
): Page<Item> {
  const after = openCursor(list, query.cursor);
  const isAfter = (item: Item): boolean => {
    const key = keyOf(item);
    return after === undefined || (typeof key === 'number' ? key > Number(after) : key > after);
  };
  const first = items.findIndex(isAfter);
  const results = first === -1 ? [] : items.slice(first, first + query.page_size);
  const last = results.at(-1);
  const isMore = last !== undefined && first + results.length < items.length;
  return { total: items.length, next: isMore ? sealCursor(list, String(keyOf(last))) : null, results };
}

function checksum(list: string, place: string): string {
  return createHash('sha256').update(`${list}\n${place}`).digest('hex').slice(0, CHECKSUM_CHARACTERS);
}
