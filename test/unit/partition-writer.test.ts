// Group commit: order, grouping, trying again with the same id, and saying when callers must pause.
import { expect, test, vi } from 'vitest';
import { systemClock } from '../../shared/clock.ts';
import { decodeEntry, encodeRecords } from '../../shared/journal-entry.ts';
import { createLog } from '../../shared/log.ts';
import { PartitionWriter } from '../../shared/partition-writer.ts';
import type { EntryId } from '../../shared/storage/journal.ts';

type Append = {
  readonly bytes: Uint8Array;
  readonly id: EntryId;
  readonly notBeforeMs: number;
  settle(error?: Error): void;
};

/** A writer whose appends wait until the test settles them: when something is durable is what is tested here. */
function started() {
  const appends: Append[] = [];
  const append = (_partition: number, bytes: Uint8Array, id: EntryId, notBeforeMs = 0) =>
    new Promise<void>((resolve, reject) => {
      appends.push({ bytes, id, notBeforeMs, settle: (error) => (error === undefined ? resolve() : reject(error)) });
    });
  const writer = new PartitionWriter({ append }, 0, systemClock, createLog('silent'));
  const stored: number[] = [];
  const add = (upTo: number) =>
    writer.append(encodeRecords([{ kind: 'facts', upTo }]), { stored: () => stored.push(upTo) });
  const next = async (index: number): Promise<Append> => {
    await vi.waitFor(() => expect(appends.length).toBeGreaterThan(index));
    return appends[index] as Append;
  };
  const held = ({ bytes }: Append) =>
    decodeEntry(bytes).map((record) => (record.kind === 'facts' ? record.upTo : record.kind));
  return { writer, stored, add, next, held, appends };
}

test('nothing is reported stored before its append is; what arrives meanwhile shares the next entry, in order', async () => {
  const { stored, add, next, held, writer } = started();
  add(1);
  const first = await next(0);
  add(2);
  add(3);
  expect(stored).toEqual([]);
  first.settle();
  const second = await next(1);
  expect(stored).toEqual([1]);
  expect([held(first), held(second)]).toEqual([[1], [2, 3]]);
  second.settle();
  await writer.drained();
  expect(stored).toEqual([1, 2, 3]);
});

test('of many that come in one turn the first are being stored before it ends', async () => {
  const { stored, add, next, held, writer, appends } = started();
  const all = Array.from({ length: 300 }, (_, index) => index + 1);
  for (const upTo of all) add(upTo);
  expect(appends.length).toBe(1);
  const first = await next(0);
  const early = held(first).length;
  expect(early).toBeLessThan(300);
  expect(held(first)).toEqual(all.slice(0, early));
  first.settle();
  const second = await next(1);
  expect(held(second)).toEqual(all.slice(early));
  second.settle();
  await writer.drained();
  expect(stored).toEqual(all);
});

test('a rejected append is tried again with the same id and bytes, before anything newer', async () => {
  const { stored, add, next, held, writer } = started();
  add(1);
  (await next(0)).settle(new Error('disk full'));
  const again = await next(1);
  add(2);
  expect({ again: held(again), id: again.id }).toEqual({ again: [1], id: (await next(0)).id });
  expect(stored).toEqual([]);
  again.settle();
  const later = await next(2);
  expect(later.id).toEqual({ appender: again.id.appender, seq: again.id.seq + 1 });
  later.settle();
  await writer.drained();
  expect(stored).toEqual([1, 2]);
});

test('while appends fail callers are told to pause, and called back once they succeed', async () => {
  const { add, next, writer } = started();
  let relieved = 0;
  add(1);
  (await next(0)).settle(new Error('disk full'));
  const again = await next(1);
  expect([writer.saturated, writer.failing]).toEqual([true, true]);
  writer.onRelief(() => relieved++);
  expect(relieved).toBe(0);
  again.settle();
  await writer.drained();
  expect([relieved, writer.saturated, writer.failing]).toEqual([1, false, false]);
});

test('too much waiting saturates it until enough is stored', async () => {
  const { appends, next, writer } = started();
  const megabyte = new Uint8Array(1024 * 1024);
  for (let index = 0; index < 10; index++) writer.append(megabyte, { stored: () => {} });
  expect(writer.saturated).toBe(true);
  const relief = new Promise<void>((resolve) => writer.onRelief(resolve));
  for (let index = 0; index < 3; index++) (await next(index)).settle();
  await relief;
  expect(writer.saturated).toBe(false);
  expect(appends.length).toBeLessThan(10);
});

test('what must stand alone has an entry of its own, not recorded before its instant', async () => {
  const { stored, add, next, held, writer } = started();
  add(1);
  const alone = writer.appendAlone(encodeRecords([{ kind: 'facts', upTo: 2 }]), 5_000);
  add(3);
  const entries = [];
  for (let index = 0; index < 3; index++) {
    const entry = await next(index);
    entries.push([held(entry), entry.notBeforeMs]);
    entry.settle();
  }
  await alone;
  await writer.drained();
  expect(entries).toEqual([
    [[1], 0],
    [[2], 5_000],
    [[3], 0],
  ]);
  expect(stored).toEqual([1, 3]);
});

test('flushed waits for what was appended before it, and for nothing after it', async () => {
  const { add, next, stored, writer } = started();
  add(1);
  const flushed = writer.flushed().then(() => [...stored]);
  (await next(0)).settle();
  add(2);
  expect(await flushed).toEqual([1]);
  (await next(1)).settle();
  await writer.drained();
});
