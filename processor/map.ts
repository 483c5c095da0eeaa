// From journal entries to what is committed: runs of events, mapped by the facts so far, and the facts between them.
import type { Atlas } from '../shared/atlas.ts';
import type { HeardMark } from '../shared/heard.ts';
import { decodeEntry } from '../shared/journal-entry.ts';
import type { Batch, MappedEvent } from '../shared/storage/history.ts';
import type { Entry } from '../shared/storage/journal.ts';

/** Entries up to `position`: either events and what was quarantined, or facts up to a number. */
export type Step =
  | { readonly kind: 'records'; readonly position: number; readonly entries: readonly Entry[] }
  | { readonly kind: 'facts'; readonly position: number; readonly upTo: number };

/** `entries` in order, neighbouring ones without facts together: what lies between two facts is mapped alike. */
export function stepsOf(entries: readonly Entry[]): Step[] {
  const steps: Step[] = [];
  let run: Entry[] = [];
  const endRun = () => {
    const last = run.at(-1);
    if (last !== undefined) steps.push({ kind: 'records', position: last.position, entries: run });
    run = [];
  };
  for (const entry of entries) {
    const upTo = factsIn(entry);
    if (upTo === null) run.push(entry);
    else {
      endRun();
      steps.push({ kind: 'facts', position: entry.position, upTo });
    }
  }
  endRun();
  return steps;
}

/** Facts stand alone in their entry, so its first record tells. */
function factsIn(entry: Entry): number | null {
  if (entry.bytes.length > FACTS_ENTRY_BYTES_MAX) return null;
  const [first] = decodeEntry(entry.bytes);
  return first?.kind === 'facts' ? first.upTo : null;
}

/** `{"kind":"facts","upTo":9007199254740991}` with its headers is shorter. */
const FACTS_ENTRY_BYTES_MAX = 64;

/** The records of `entries`, their events mapped by the facts in `atlas`. */
export function mapEntries(entries: readonly Entry[], atlas: Atlas, partition: number): Omit<Batch, 'position'> {
  const events: MappedEvent[] = [];
  const quarantined: Batch['quarantined'][number][] = [];
  const replayed: string[] = [];
  const heard: HeardMark[] = [];
  for (const { bytes, recordedAtMs, id, position } of entries) {
    for (const [index, record] of decodeEntry(bytes).entries()) {
      if (record.kind === 'quarantined') {
        // From the entry's own id: an entry read again makes the same item, not another one.
        quarantined.push({ ...record, id: `${id.appender}-${id.seq}-${index}`, recordedAtMs });
      } else if (record.kind === 'events') {
        const { receivedAtMs } = record;
        for (const event of record.events) {
          const mapping = atlas.mappingOf(event.dpuId, event.timestampMs);
          events.push({ ...event, receivedAtMs, recordedAtMs, position, mapping });
        }
        if (record.replayOf !== null) replayed.push(record.replayOf);
        else heard.push({ dpuId: record.dpuId, atMs: receivedAtMs, holdMs: null });
      } else if (record.kind === 'heard') heard.push(record);
    }
  }
  return { partition, events, quarantined, replayed, heard };
}
