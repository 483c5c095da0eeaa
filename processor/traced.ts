// A loop's storage that tells of every sampled entry when it was read, mapped and committed.
import type { Clock } from '../shared/clock.ts';
import type { HistoryWriter } from '../shared/storage/history.ts';
import type { Entry, Journal } from '../shared/storage/journal.ts';
import type { Loop, ProcessorStorage } from '../shared/storage/open.ts';
import type { EntryTraces } from '../shared/traces/traces.ts';
import { callsOf } from './history-calls.ts';

type Read = Pick<Entry, 'id' | 'position' | 'recordedAtMs'> & { readonly readAtMs: number };

/** The storage of `loop`; what is done by `traces` costs a hash an entry, and more for a sampled one only. */
export function traced({ name, ownership, storage }: Loop, traces: EntryTraces, clock: Clock): ProcessorStorage {
  const { partition } = ownership;
  const { journal, history } = storage;
  const calls = callsOf(history);
  /** Sampled and not yet committed, in the order of their positions. */
  const pending: Read[] = [];
  let freeAtMs = 0;

  const read: Journal['read'] = async (...asked) => {
    const entries = await journal.read(...asked);
    const readAtMs = clock.monotonicMs();
    for (const { id, position, recordedAtMs } of entries) {
      if (traces.isSampled(id)) pending.push({ id, position, recordedAtMs, readAtMs });
    }
    return entries;
  };
  const takeUpTo = (position: number): Read[] => {
    const after = pending.findIndex((entry) => entry.position > position);
    return pending.splice(0, after === -1 ? pending.length : after);
  };
  const commit: HistoryWriter['commit'] = async (batch, endOf) => {
    const commitAtMs = clock.monotonicMs();
    const stored = await calls.commit(batch, endOf);
    const committedAtMs = clock.monotonicMs();
    for (const { id, ...entry } of takeUpTo(batch.position)) {
      const mapAtMs = Math.max(entry.readAtMs, freeAtMs);
      const taken = { ...entry, partition, loop: name, mapAtMs, commitAtMs, committedAtMs };
      traces.taken(id, { ...taken, events: batch.events.length });
    }
    freeAtMs = committedAtMs;
    return stored;
  };
  const takeFacts: HistoryWriter['takeFacts'] = async (facts) => {
    await calls.takeFacts(facts);
    // Facts were not published.
    takeUpTo(facts.position);
  };
  return {
    ...storage,
    journal: {
      own: (...asked) => journal.own(...asked),
      read,
      commit: (...asked) => journal.commit(...asked),
      lag: (...asked) => journal.lag(...asked),
    },
    history: { ...calls, commit, takeFacts },
  };
}
