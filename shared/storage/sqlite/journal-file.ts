// What the two sides of the SQLite journal share: where a partition is, and how they tell each other, across threads.
import { join } from 'node:path';
import { BroadcastChannel } from 'node:worker_threads';
import type { Entry, EntryId } from '../journal.ts';

/** The file of one partition below the data directory. */
export function journalPath(dataDir: string, partition: number): string {
  return join(dataDir, `journal-${partition}.sqlite`);
}

/** From the appending side: there is more; from the reading side: nothing up to here is needed again. */
export type Notice = { readonly appended: number } | { readonly committed: number };

/** Reaches everybody in this process who opened the same path. Does not keep the process alive. */
export function openChannel(path: string): BroadcastChannel {
  const channel = new BroadcastChannel(`footfall ${path}`);
  channel.unref();
  return channel;
}

/** A row of `entry`. */
export function entryOf(row: Record<string, unknown>): Entry {
  const id: EntryId = { appender: String(row['appender']), seq: Number(row['seq']) };
  const bytes = row['bytes'] as Uint8Array;
  return { position: Number(row['position']), recordedAtMs: Number(row['recorded_at']), id, bytes };
}
