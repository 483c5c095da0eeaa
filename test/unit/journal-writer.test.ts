// Several partitions: who appends hears in the order of the calls, and pauses while any partition is stuck.
import { expect, test, vi } from 'vitest';
import { systemClock } from '../../shared/clock.ts';
import { decodeEntry, encodeRecords } from '../../shared/journal-entry.ts';
import { JournalWriter } from '../../shared/journal-writer.ts';
import { createLog } from '../../shared/log.ts';
import { partitionOf } from '../../shared/partition.ts';

const PARTITIONS = 2;
const [even, odd] = [0, 1].map((wanted) =>
  ['a', 'b', 'c', 'd'].find((id) => partitionOf(id, PARTITIONS) === wanted),
) as [string, string];

function started() {
  const appends = new Map<number, { upTo: number; settle(): void }[]>();
  const append = (partition: number, bytes: Uint8Array) =>
    new Promise<void>((resolve) => {
      const [record] = decodeEntry(bytes);
      const upTo = record?.kind === 'facts' ? record.upTo : 0;
      appends.set(partition, [...(appends.get(partition) ?? []), { upTo, settle: resolve }]);
    });
  const writer = new JournalWriter({ append }, PARTITIONS, systemClock, createLog('silent'));
  const stored: number[] = [];
  const add = (key: string, upTo: number) =>
    writer.append(key, encodeRecords([{ kind: 'facts', upTo }]), { stored: () => stored.push(upTo) });
  const settle = async (partition: number) => {
    await vi.waitFor(() => expect(appends.get(partition)?.length ?? 0).toBeGreaterThan(0));
    appends.get(partition)?.shift()?.settle();
  };
  return { writer, stored, add, settle };
}

test('what was stored first is told only after what was asked for first', async () => {
  const { writer, stored, add, settle } = started();
  add(even, 1);
  add(odd, 2);
  add(odd, 3);
  await settle(1);
  const flushed = writer.flushed();
  expect(stored).toEqual([]);
  await settle(0);
  await vi.waitFor(() => expect(stored.slice(0, 1)).toEqual([1]));
  await Promise.all([settle(0), settle(1)]);
  await flushed;
  expect(stored).toEqual([1, 2, 3]);
});

test('an entry for all partitions is stored once each of them has it', async () => {
  const { writer, settle } = started();
  let isDone = false;
  const done = writer.appendToAll(encodeRecords([{ kind: 'facts', upTo: 7 }]), 0).then(() => {
    isDone = true;
  });
  await settle(0);
  expect(isDone).toBe(false);
  await settle(1);
  await done;
});
