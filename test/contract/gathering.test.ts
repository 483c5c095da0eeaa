// Partitions of broker workers are gathered into the one that the processor reads: each entry once, in order, whoever dies.
import { rmSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import type { Clock } from '../../shared/clock.ts';
import { openJournalAppender } from '../../shared/storage/sqlite/journal-appender.ts';
import { journalPath } from '../../shared/storage/sqlite/journal-file.ts';
import { openGatherer } from '../../shared/storage/sqlite/journal-gatherer.ts';
import { openJournalReader } from '../../shared/storage/sqlite/journal-reader.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const clockAt = (nowMs: number): Clock => ({ nowMs: () => nowMs, monotonicMs: () => nowMs });
const FACTS = Uint8Array.of(7);

/** Appends `texts` to the partition of a worker that then ends, its own appender each. */
async function workerStores(dataDir: string, slot: number, texts: readonly string[], atMs = 1_000): Promise<void> {
  const worker = openJournalAppender(dataDir, slot, clockAt(atMs));
  const appender = `worker-${slot}-${texts.join('')}`;
  for (const [index, text] of texts.entries()) {
    await worker.append(slot, Buffer.from(text), { appender, seq: index + 1 });
  }
  await worker.close();
}

/** What a service that runs `workers` broker workers finds in partition 0 once everything is gathered. */
async function gathered(dataDir: string, workers: number): Promise<{ text: string; recordedAtMs: number }[]> {
  const appender = openJournalAppender(dataDir, 0, clockAt(1_000));
  const gatherer = openGatherer(dataDir, workers, appender);
  await gatherer.gathered();
  gatherer.close();
  await appender.close();
  const reader = openJournalReader(dataDir, 1);
  const ownership = { partition: 0, epoch: 1, lost: new AbortController().signal };
  const { entries: stored } = await reader.lag(0, 0);
  const entries = stored === 0 ? [] : await reader.read(ownership, 0, { maxBytes: 1_000_000 });
  await reader.close();
  return entries.map(({ bytes, recordedAtMs }) => ({ text: Buffer.from(bytes).toString(), recordedAtMs }));
}

const textsIn = async (dataDir: string, workers: number) =>
  (await gathered(dataDir, workers)).map(({ text }) => text).sort();

function newDataDir(): string {
  const dataDir = temporaryDir();
  cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
}

test('what workers stored is read from partition 0, once, however often the service starts again', async () => {
  const dataDir = newDataDir();
  await workerStores(dataDir, 1, ['a', 'b']);
  await workerStores(dataDir, 2, ['c']);
  expect(await textsIn(dataDir, 2)).toEqual(['a', 'b', 'c']);
  expect(await textsIn(dataDir, 2)).toEqual(['a', 'b', 'c']);
  await workerStores(dataDir, 2, ['d']);
  expect(await textsIn(dataDir, 2)).toEqual(['a', 'b', 'c', 'd']);
});

test('entries of one worker keep their order', async () => {
  const dataDir = newDataDir();
  const texts = Array.from({ length: 200 }, (_, index) => String(index));
  await workerStores(dataDir, 1, texts);
  expect((await gathered(dataDir, 1)).map(({ text }) => text)).toEqual(texts);
});

test('partitions of an earlier run with more workers are drained, also by a service without any', async () => {
  const dataDir = newDataDir();
  await workerStores(dataDir, 1, ['a']);
  await workerStores(dataDir, 7, ['b']);
  expect(await textsIn(dataDir, 0)).toEqual(['a', 'b']);
  await workerStores(dataDir, 7, ['c']);
  expect(await textsIn(dataDir, 7)).toEqual(['a', 'b', 'c']);
});

test('a partition whose file is another one by now is gathered from its beginning', async () => {
  const dataDir = newDataDir();
  await workerStores(dataDir, 1, ['a', 'b', 'c']);
  await textsIn(dataDir, 1);
  for (const suffix of ['', '-wal', '-shm']) rmSync(journalPath(dataDir, 1) + suffix, { force: true });
  await workerStores(dataDir, 1, ['d']);
  expect(await textsIn(dataDir, 1)).toEqual(['a', 'b', 'c', 'd']);
});

test('recording never goes back, and an entry keeps the time at which its worker stored it', async () => {
  const dataDir = newDataDir();
  await workerStores(dataDir, 1, ['a'], 5_000);
  expect(await gathered(dataDir, 1)).toEqual([{ text: 'a', recordedAtMs: 5_000 }]);
  await workerStores(dataDir, 1, ['b'], 4_000);
  expect(await gathered(dataDir, 1)).toEqual([
    { text: 'a', recordedAtMs: 5_000 },
    { text: 'b', recordedAtMs: 5_000 },
  ]);
});

test('what a worker accepted by a fact comes after the fact', async () => {
  const dataDir = newDataDir();
  const appender = openJournalAppender(dataDir, 0, clockAt(1_000));
  const gatherer = openGatherer(dataDir, 1, appender);
  await appender.append(0, FACTS, { appender: 'primary', seq: 1 });
  await workerStores(dataDir, 1, ['a']);
  await gatherer.gathered();
  gatherer.close();
  await appender.close();
  expect((await gathered(dataDir, 1)).map(({ text }) => text)).toEqual([Buffer.from(FACTS).toString(), 'a']);
});
