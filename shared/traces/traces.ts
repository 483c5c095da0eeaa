// Port: traces from PUBLISH to commit, one for a journal entry, which many publishes share.
//
//   broker:     publish ┬ append                  trace and root span are named by the entry's id (appender and seq), so that
//   processor:          └ read, map, commit       both sides know them, and nothing about them stands in the journal
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { EntryId } from '../storage/journal.ts';
import type { TracesConfig } from './traces-config.ts';

/** Times are those of the monotonic clock, ms. */
export type Appended = {
  readonly partition: number;
  readonly messages: number;
  readonly bytes: number;
  /** The first of its messages was read. */
  readonly beganAtMs: number;
  readonly appendAtMs: number;
  readonly storedAtMs: number;
  /** All of its messages were answered. */
  readonly answeredAtMs: number;
};

export type Taken = {
  readonly partition: number;
  readonly loop: string;
  readonly position: number;
  /** On the wall clock of whoever appended it, ms since 1970 UTC. */
  readonly recordedAtMs: number;
  readonly readAtMs: number;
  /** The loop began to map the batch with it. */
  readonly mapAtMs: number;
  readonly commitAtMs: number;
  readonly committedAtMs: number;
  /** Of the whole batch. */
  readonly events: number;
};

export type EntryTraces = {
  /** The same for everybody who asks about the entry. */
  isSampled(id: EntryId): boolean;
  /** A sampled entry was stored and its messages answered. */
  appended(id: EntryId, appended: Appended): void;
  /** A loop has committed a sampled entry. */
  taken(id: EntryId, taken: Taken): void;
  /** Sends what is left, for a moment. */
  close(): Promise<void>;
};

/** Null when nobody wants traces: then nothing of their library is loaded. */
export async function openTraces(config: TracesConfig | null, clock: Clock, log: Log): Promise<EntryTraces | null> {
  if (config === null) return null;
  const { openTelemetry } = await import('./open-telemetry.ts');
  return openTelemetry(config, clock, log);
}
