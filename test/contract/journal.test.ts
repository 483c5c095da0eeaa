// What every journal back-end promises. A second back-end adds a line to `BACKENDS`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../shared/clock.ts';
import { openRedisJournal } from '../../shared/storage/influx-redis/journal.ts';
import { connectRedis } from '../../shared/storage/influx-redis/redis.ts';
import type { Entry, Journal, Ownership } from '../../shared/storage/journal.ts';
import { openJournalAppender } from '../../shared/storage/sqlite/journal-appender.ts';
import { openJournalReader } from '../../shared/storage/sqlite/journal-reader.ts';
import { type Server, startRedis, whyNoRedis } from '../support/servers.ts';

type Backend = {
  readonly name: string;
  /** Why it cannot be tested here; null: it can. */
  readonly missing: string | null;
  open(place: string, clock: Clock): Promise<Journal>;
};

let redis: Server | undefined;
/** A database of the server for each place. */
const databases = new Map<string, number>();
afterAll(() => redis?.kill());

const BACKENDS: Backend[] = [
  {
    name: 'sqlite',
    missing: null,
    open: async (place, clock) => {
      const appender = openJournalAppender(place, 0, clock);
      const reader = openJournalReader(place, 1);
      const close = async () => {
        await reader.close();
        await appender.close();
      };
      return { ...reader, ...appender, close };
    },
  },
  {
    name: 'redis',
    missing: whyNoRedis(),
    open: async (place, clock) => {
      redis ??= await startRedis(['--databases', '100']);
      const database = databases.get(place) ?? databases.size;
      databases.set(place, database);
      const connection = await connectRedis(`${redis.url}/${database}`);
      const journal = openRedisJournal(connection, { partitions: 1, clock });
      const close = async () => {
        await journal.close();
        connection.disconnect();
      };
      return { ...journal, close };
    },
  },
];

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe.each(BACKENDS)('journal on $name', ({ open, missing, name }) => {
  if (missing !== null) return test.skip(`journal on ${name}: ${missing}`, () => undefined);
  const time = { nowMs: 1_000 };
  const clock: Clock = { nowMs: () => time.nowMs, monotonicMs: () => performance.now() };

  function newPlace(): string {
    const place = mkdtempSync(join(tmpdir(), 'footfall-journal-'));
    cleanups.push(() => rmSync(place, { recursive: true, force: true }));
    return place;
  }

  async function opened(place = newPlace()): Promise<Journal> {
    const journal = await open(place, clock);
    cleanups.push(() => journal.close());
    return journal;
  }

  async function owned(journal: Journal): Promise<Ownership> {
    const { promise, resolve } = Promise.withResolvers<Ownership>();
    await journal.own('processor', resolve);
    return promise;
  }

  async function readAll(journal: Journal, ownership: Ownership, after = 0): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (;;) {
      const position = entries.at(-1)?.position ?? after;
      if ((await journal.lag(0, position)).entries === 0) return entries;
      entries.push(...(await journal.read(ownership, position, { maxBytes: 1_000 })));
    }
  }

  const bytes = (text: string) => new Uint8Array(Buffer.from(text));
  const texts = (entries: readonly Entry[]) => entries.map((entry) => Buffer.from(entry.bytes).toString());

  test('entries are read in the order they were appended, with growing positions', async () => {
    const journal = await opened();
    const ownership = await owned(journal);
    await Promise.all(
      ['a', 'b', 'c'].map((text, index) => journal.append(0, bytes(text), { appender: 'one', seq: index + 1 })),
    );
    const entries = await readAll(journal, ownership);
    expect(texts(entries)).toEqual(['a', 'b', 'c']);
    expect(entries.map((entry) => entry.position)).toEqual(
      entries.map((entry) => entry.position).toSorted((a, b) => a - b),
    );
  });

  test('the same id again stores nothing', async () => {
    const journal = await opened();
    const ownership = await owned(journal);
    await journal.append(0, bytes('once'), { appender: 'one', seq: 1 });
    await journal.append(0, bytes('once'), { appender: 'one', seq: 1 });
    await journal.append(0, bytes('of another'), { appender: 'two', seq: 1 });
    expect(texts(await readAll(journal, ownership))).toEqual(['once', 'of another']);
  });

  test('what was appended, and its ids, are there after a restart; positions go on', async () => {
    const place = newPlace();
    const first = await open(place, clock);
    const before = await owned(first);
    await first.append(0, bytes('kept'), { appender: 'one', seq: 1 });
    const [kept] = await readAll(first, before);
    await first.close();
    const journal = await opened(place);
    const ownership = await owned(journal);
    await journal.append(0, bytes('kept'), { appender: 'one', seq: 1 });
    await journal.append(0, bytes('new'), { appender: 'two', seq: 1 });
    expect(texts(await readAll(journal, ownership))).toEqual(['kept', 'new']);
    expect(texts(await readAll(journal, ownership, kept?.position))).toEqual(['new']);
  });

  test('after everything is committed and the journal reopened, a new entry comes after the committed position', async () => {
    const place = newPlace();
    const first = await open(place, clock);
    const before = await owned(first);
    for (const seq of [1, 2, 3]) await first.append(0, bytes(`old ${seq}`), { appender: 'one', seq });
    const position = (await readAll(first, before)).at(-1)?.position ?? 0;
    await first.commit(before, position);
    await first.append(0, bytes('trims'), { appender: 'one', seq: 4 });
    await first.close();
    const journal = await opened(place);
    await journal.append(0, bytes('new'), { appender: 'two', seq: 1 });
    expect(texts(await readAll(journal, await owned(journal), position))).toEqual(['trims', 'new']);
  });

  test('recorded_at never goes back, whatever the clock does, also over a restart, and is never before what is asked', async () => {
    const place = newPlace();
    const first = await open(place, clock);
    time.nowMs = 5_000;
    await first.append(0, bytes('a'), { appender: 'one', seq: 1 });
    time.nowMs = 2_000;
    await first.append(0, bytes('b'), { appender: 'one', seq: 2 });
    await first.append(0, bytes('c'), { appender: 'one', seq: 3 }, 9_000);
    await first.close();
    const journal = await opened(place);
    await journal.append(0, bytes('d'), { appender: 'two', seq: 1 });
    const entries = await readAll(journal, await owned(journal));
    expect(entries.map((entry) => entry.recordedAtMs)).toEqual([5_000, 5_000, 9_000, 9_000]);
  });

  test('a reader that waits is woken by the next append', async () => {
    const journal = await opened();
    const reading = journal.read(await owned(journal), 0, { maxBytes: 1_000 });
    await journal.append(0, bytes('here'), { appender: 'one', seq: 1 });
    expect(texts(await reading)).toEqual(['here']);
  });

  test('a reader that waits is let go when the journal closes', async () => {
    const journal = await open(newPlace(), clock);
    const reading = journal.read(await owned(journal), 0, { maxBytes: 1_000 });
    await journal.close();
    expect(await reading).toEqual([]);
  });

  test('a read is bounded, but always brings an entry', async () => {
    const journal = await opened();
    const ownership = await owned(journal);
    for (const seq of [1, 2, 3]) await journal.append(0, new Uint8Array(600), { appender: 'one', seq });
    expect(await journal.read(ownership, 0, { maxBytes: 100 })).toHaveLength(1);
    expect(await journal.read(ownership, 0, { maxBytes: 1_300 })).toHaveLength(2);
  });

  test('lag tells what is left after a position', async () => {
    const journal = await opened();
    for (const seq of [1, 2, 3]) await journal.append(0, new Uint8Array(10), { appender: 'one', seq });
    const [first] = await journal.read(await owned(journal), 0, { maxBytes: 1 });
    const lag = await journal.lag(0, first?.position ?? 0);
    expect(lag).toMatchObject({ entries: 2, bytes: 20 });
    expect(lag.newest).toBeGreaterThan(first?.position ?? 0);
  });
});
