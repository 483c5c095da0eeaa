// Entries of the journal as they stand in a Redis stream.
import type { Redis } from 'ioredis';
import type { Entry, EntryId, JournalLag } from '../journal.ts';
import { keys } from './keys.ts';

/** Entries asked for at once; their bytes are counted as they come. */
const READ_COUNT = 64;

type StreamRange = {
  readonly after: number;
  readonly upTo: number | null;
  readonly maxBytes: number;
  readonly count?: number;
};

type StreamEntry = [id: Buffer, fields: Buffer[]];

/** The entries after a position, at least one if there is any; `upTo` null: to the newest. */
export async function readEntries(
  redis: Redis,
  partition: number,
  { after, upTo, maxBytes, count = READ_COUNT }: StreamRange,
): Promise<Entry[]> {
  const last = upTo === null ? '+' : `${upTo}-0`;
  const key = keys.journal(partition);
  const found = (await redis.xrangeBuffer(key, `(${after}-0`, last, 'COUNT', count)) as unknown as StreamEntry[];
  const entries: Entry[] = [];
  let bytes = 0;
  for (const entry of found.map(entryOf)) {
    bytes += entry.bytes.length;
    if (entries.length > 0 && bytes > maxBytes) break;
    entries.push(entry);
  }
  return entries;
}

/** The newest position, and what stands after another one. */
export async function lagOf(redis: Redis, partition: number, after: number): Promise<Omit<JournalLag, 'bytesMax'>> {
  const newest = Number((await redis.hget(keys.journalMeta(partition), 'position')) ?? 0);
  const sum = { newest, entries: 0, bytes: 0, oldestMs: null as number | null };
  for (let position = after; ; ) {
    const entries = await readEntries(redis, partition, {
      after: position,
      upTo: null,
      maxBytes: Number.MAX_SAFE_INTEGER,
    });
    const last = entries.at(-1);
    if (last === undefined) return sum;
    sum.oldestMs ??= entries[0]?.recordedAtMs ?? null;
    sum.entries += entries.length;
    sum.bytes += entries.reduce((bytes, entry) => bytes + entry.bytes.length, 0);
    position = last.position;
  }
}

function entryOf([id, fields]: StreamEntry): Entry {
  const [, recordedAt, , appender, , seq, , bytes] = fields as [...Buffer[]] as Buffer[];
  const entryId: EntryId = { appender: String(appender), seq: Number(String(seq)) };
  return {
    position: Number(String(id).split('-', 1)[0]),
    recordedAtMs: Number(String(recordedAt)),
    id: entryId,
    bytes: bytes as Buffer,
  };
}
