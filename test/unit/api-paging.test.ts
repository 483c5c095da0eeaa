// Pages: every item once, in order, and no cursor but our own.
import { expect, test } from 'vitest';
import { openCursor, pageOf, sealCursor } from '../../api/paging.ts';

function walk<Item>(items: readonly Item[], keyOf: (item: Item) => string | number, pageSize: number): Item[][] {
  const pages: Item[][] = [];
  for (let cursor: string | undefined; ; ) {
    const page = pageOf('list', items, keyOf, { page_size: pageSize, cursor });
    expect(page.total).toBe(items.length);
    pages.push([...page.results]);
    if (page.next === null) return pages;
    cursor = page.next;
  }
}

test('pages join up to the list, the last full one has no next', () => {
  expect(walk(['a', 'b', 'c', 'd'], (item) => item, 2)).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ]);
  expect(walk([], (item) => item, 2)).toEqual([[]]);
});

test('numbers are ordered as numbers, also those below all', () => {
  const numbers = [Number.NEGATIVE_INFINITY, -5, 9, 10, 100];
  expect(walk(numbers, (item) => item, 1).flat()).toEqual(numbers);
});

test('what was removed meanwhile is no reason to begin again', () => {
  const first = pageOf('list', ['a', 'b', 'c'], (item) => item, { page_size: 2 });
  const second = pageOf('list', ['a', 'c', 'd'], (item) => item, { page_size: 2, cursor: first.next ?? '' });
  expect(second.results).toEqual(['c', 'd']);
});

test.each([
  ['made-up'],
  [''],
  [sealCursor('another list', 'a')],
  ['%%%'],
  [`${sealCursor('list', 'a')}AAAA`],
])('cursor %s is refused', (cursor) => {
  expect(() => openCursor('list', cursor)).toThrow(expect.objectContaining({ code: 'invalid_cursor' }));
});
