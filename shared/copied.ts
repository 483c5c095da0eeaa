// What is copied, one by one: events of one recording, and quarantine items.
import type { StoredEvent } from './storage/history.ts';
import type { QuarantineReader } from './storage/quarantine.ts';

/** Neighbours with the same recording. */
export function* recordedTogether(events: readonly StoredEvent[]): Generator<StoredEvent[]> {
  let group: StoredEvent[] = [];
  for (const event of events) {
    if (group.length > 0 && group[0]?.recordedAtMs !== event.recordedAtMs) {
      yield group;
      group = [];
    }
    group.push(event);
  }
  if (group.length > 0) yield group;
}

type Item = Awaited<ReturnType<QuarantineReader['list']>>['results'][number];

export async function* itemsOf(reader: QuarantineReader): AsyncGenerator<Item> {
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await reader.list({ limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    yield* page.results;
    cursor = page.next;
  }
}

export function keyOf({ topic, dpuId, reason, receivedAtMs, detail }: Item): string {
  return JSON.stringify([topic, dpuId, reason, receivedAtMs, detail]);
}
