// Reused sequences: one (epoch, seq) of a DPU at two timestamps. Both count, and one of them may not have happened.
import type { StoredEvent } from '../storage/history.ts';
import type { Finding, Observation } from './finding.ts';

export function reusedSequences({ eventsOf }: Observation): Finding[] {
  return [...eventsOf].flatMap(([dpuId, events]) => {
    const first = new Map<string, StoredEvent>();
    const again: { readonly earlier: StoredEvent; readonly later: StoredEvent }[] = [];
    for (const event of events) {
      if (event.seq === null) continue;
      const key = `${event.epoch} ${event.seq}`;
      const earlier = first.get(key);
      if (earlier === undefined) first.set(key, event);
      else if (earlier.timestampMs !== event.timestampMs) again.push({ earlier, later: event });
    }
    const example = again[0];
    if (example === undefined) return [];
    const { earlier, later } = example;
    const action =
      `DPU ${dpuId} has numbered different events alike, and all of them count: raise its epoch at every restart, ` +
      'see that one device only uses this id, and void what did not happen';
    const epoch = earlier.epoch === null ? {} : { epoch: earlier.epoch };
    return [
      {
        kind: 'sequence_reused' as const,
        spaceIds: [],
        dpuIds: [dpuId],
        numbers: { events: again.length, ...epoch, seq: earlier.seq ?? 0 },
        times: { first: earlier.timestampMs, again: later.timestampMs },
        action,
      },
    ];
  });
}
