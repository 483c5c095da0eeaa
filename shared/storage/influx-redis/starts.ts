// Resets that the live group has moved to and the history group has not: what the points so far sum up to since each.
import type { HistoryParts } from './history-parts.ts';
import { rowsOf } from './influx-rows.ts';
import type { PartitionHash } from './partition-hash.ts';
import type { Since } from './space-state.ts';

export type PendingStart = { readonly spaceId: string; readonly since: Since | null };

export async function pendingStarts(
  { influx, ownership, live }: Pick<HistoryParts, 'influx' | 'ownership' | 'live'>,
  late: PartitionHash,
): Promise<PendingStart[]> {
  const pending: { spaceId: string; since: Since | null }[] = [];
  for (const [spaceId, { since }] of live.hash.spaces) {
    const known = late.spaces.get(spaceId)?.since ?? null;
    if (since?.atMs === known?.atMs && since?.from === known?.from) continue;
    pending.push({ spaceId, since });
  }
  const nets = new Map<number, Map<string, number>>();
  for (const atMs of new Set(pending.flatMap(({ since }) => (since === null ? [] : [since.atMs])))) {
    const rows = await rowsOf(influx, 'net-since', { partition: ownership.partition, startMs: atMs + 1 });
    nets.set(atMs, new Map(rows.map((row) => [String(row['space']), Number(row['_value'])])));
  }
  return pending.map(({ spaceId, since }) => ({
    spaceId,
    since: since === null ? null : { ...since, net: nets.get(since.atMs)?.get(spaceId) ?? 0, alone: false },
  }));
}
