// Port: raw events, what they change, and every sum over them. One processor writes; anybody reads.

import type { Remapping } from '../atlas.ts';
import type { Event } from '../event.ts';
import type { HeardMark } from '../heard.ts';
import type { DpuId, SpaceId } from '../ids.ts';
import type { QuarantinedRecord } from '../journal-entry.ts';
import type { Mapping, MappingStatus } from '../mapping.ts';
import type { ResetShift } from '../reset-shift.ts';

export type MappedEvent = Event & {
  readonly receivedAtMs: number;
  readonly recordedAtMs: number;
  /** Of its entry in the journal. */
  readonly position: number;
  readonly mapping: Mapping;
};

/** What one read of the journal comes to. */
export type Batch = {
  readonly partition: number;
  /** The journal position after this batch. */
  readonly position: number;
  readonly events: readonly MappedEvent[];
  readonly quarantined: readonly (QuarantinedRecord & { readonly id: string; readonly recordedAtMs: number })[];
  /** What was heard of DPUs, in order. */
  readonly heard: readonly HeardMark[];
  /** Quarantine items whose events are in this batch. */
  readonly replayed: readonly string[];
};

/** How many events of a batch were new, and how many of those do not count. */
export type Stored = { readonly stored: number; readonly unplaced: number; readonly voided: number };

/** `statuses`: of the events that were new. */
export function storedOf(statuses: readonly MappingStatus[]): Stored {
  const count = (wanted: MappingStatus) => statuses.reduce((sum, status) => sum + Number(status === wanted), 0);
  return { stored: statuses.length, unplaced: count('unplaced'), voided: count('voided') };
}

/** One fact, with the events that it maps differently. */
export type TakenFact = {
  readonly factNumber: number;
  readonly recordedAtMs: number;
  readonly remappings: readonly Remapping[];
};

/** Where a space's live count starts; null: no reset so far. */
export type LiveStart = { readonly spaceId: SpaceId; readonly atMs: number | null };

/** A change of resets, recorded at `recordedAtMs`; `fact`: the number of the one that made it, null for one that came due. */
export type RecordedShift = ResetShift & { readonly fact: number | null; readonly recordedAtMs: number };

/** Resets at or before `dueMs` are in every count from now on. */
export type ResetMove = {
  readonly dueMs: number;
  readonly starts: readonly LiveStart[];
  readonly shifts: readonly RecordedShift[];
};

/** Facts that have been taken in, in order; `position` is after them. */
export type TakenFacts = ResetMove & {
  readonly partition: number;
  readonly position: number;
  /** The newest of `facts`. */
  readonly factNumber: number;
  readonly facts: readonly TakenFact[];
};

export type Progress = {
  readonly position: number;
  readonly factNumber: number;
  /** Resets up to then are in every count, ms since 1970 UTC; 0: it was never said. */
  readonly dueMs: number;
  /** The oldest fact whose recount is not done; null: none. */
  readonly recounting: number | null;
  /** No stored event has a timestamp before it; null: there is none. */
  readonly oldestMs: number | null;
  /** Entries after `position` up to there may be stored in part, by whoever had begun to: no reset may come due before they are. */
  readonly begunUpTo: number;
};

/** Until when an event of a space at `atMs` counts: its first reset at or after that; null: still. */
export type EndOfEvent = (spaceId: SpaceId, atMs: number) => number | null;

/** What comes from the journal, in its order, each call all or nothing. */
export type HistoryIntake = {
  /** How far the partition has been taken in; zeros at first. */
  progress(partition: number): Promise<Progress>;
  /**
   * Stores the batch and everything that follows from it, and the cursor. An event whose identity is stored already
   * changes nothing.
   */
  commit(batch: Batch, endOf: EndOfEvent): Promise<Stored>;
  /** Remembers what the facts map differently, to be recounted, changes what they change in resets, and moves the cursor. */
  takeFacts(facts: TakenFacts): Promise<void>;
  /** Resets have come due. */
  moveResets(partition: number, move: ResetMove): Promise<void>;
};

/** What goes on beside it, in bounded pieces. */
export type HistoryUpkeep = {
  /**
   * Gives some of the events stored before a fact the differences that it makes, oldest fact first. A piece that is
   * done is never done again. Answers the oldest fact whose recount is not done; null: none.
   */
  recountSome(endOf: EndOfEvent): Promise<number | null>;
  /** Does a piece of the work that can wait (extremes of closed hours). True when there may be more. */
  tidy(beforeMs: number): Promise<boolean>;
  /**
   * Compares everything kept with what `truth` makes of the raw events, hour by hour, and with `repair` puts it right.
   * Nothing else may be written meanwhile, and no recount may be open.
   */
  audit(truth: Truth, options: AuditOptions): Promise<AuditReport>;
};

export type HistoryWriter = HistoryIntake & HistoryUpkeep & { close(): Promise<void> };

/** How an event was mapped from `recordedAtMs` on; `cause` is the fact that changed it, null for the first. */
export type MappingStep = { readonly recordedAtMs: number; readonly mapping: Mapping; readonly cause: number | null };

/** By the facts alone: the mappings of an event in the order they were recorded, the first at its own recording. */
export type Truth = (dpuId: DpuId, timestampMs: number, recordedAtMs: number) => readonly MappingStep[];

export type AuditOptions = {
  readonly repair: boolean;
  readonly onProgress?: (done: { events: number; hour: number }) => void;
};

/** What is kept of a space (null: of no single space) is not what its raw events make. Counts are sums of all deltas. */
export type Discrepancy = {
  readonly spaceId: SpaceId | null;
  readonly live: number;
  readonly history: number;
  readonly replay: number;
  readonly detail: string;
};

export type AuditReport = {
  readonly spaces: number;
  readonly events: number;
  readonly discrepancies: readonly Discrepancy[];
};

/** Numbers of +1 and -1 deltas; their difference is the change of the count. */
export type Sums = { readonly entrances: number; readonly exits: number };

/** [fromMs, untilMs) */
export type Span = { readonly fromMs: number; readonly untilMs: number };

/** Sums of a span, and the least and greatest running sum after each millisecond with events, 0 at its beginning included. */
export type Profile = Sums & { readonly lowest: number; readonly highest: number };

export type StoredEvent = Event & {
  readonly receivedAtMs: number;
  readonly recordedAtMs: number;
  readonly status: MappingStatus;
};

/** An event that came again after it was stored, and how often. */
export type Repeated = Event & { readonly copies: number };

export type EventsQuery = {
  /** Of this DPU only. */
  readonly dpuId?: DpuId;
  /** With a delta of this space only. */
  readonly spaceId?: SpaceId;
  /** Of these DPUs only, and with a timestamp in one of their spans, which are in order and do not overlap. */
  readonly within?: ReadonlyMap<DpuId, readonly Span[]>;
  /** By timestamp, or by recorded_at. */
  readonly by: 'timestamp' | 'received';
  readonly span: Span;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  /** Counting all costs looking at all: without it `total` is 0. */
  readonly total?: 'left_out';
  /** From a page before, of this span or one that overlaps it; opaque. */
  readonly cursor?: string;
};

export type EventsPage = {
  readonly total: number;
  readonly next: string | null;
  readonly results: readonly StoredEvent[];
};

export type HistoryReader = {
  /** Entrances less exits of the deltas of the space with afterMs < timestamp <= untilMs; null: from the first on. */
  net(spaceId: SpaceId, afterMs: number | null, untilMs: number): Promise<number>;
  /**
   * `net` as it was known at `knownAtMs`, not before `untilMs`: from the events and the recounts recorded by then. Where a
   * back-end keeps no late ledger, `knownNet` works it out from events.
   */
  netKnownAt?(spaceId: SpaceId, afterMs: number | null, untilMs: number, knownAtMs: number): Promise<number>;
  /** The profile of each span, which must be in order and not overlap. */
  profiles(spaceId: SpaceId, spans: readonly Span[]): Promise<Profile[]>;
  events(query: EventsQuery): Promise<EventsPage>;
  /** The events with a timestamp in `span` that were recorded after `afterMs`, in no order. Where there is no `netKnownAt`. */
  recordedAfter?(span: Span, afterMs: number): Promise<StoredEvent[]>;
  /** The events with a timestamp in `span`, of one DPU or (null) of all, of which copies were received, in no order. */
  duplicates(span: Span, dpuId: DpuId | null): Promise<Repeated[]>;
  close(): Promise<void>;
};

/** True when one of `spans` covers the moment. */
export function isInSpans(spans: readonly Span[] | undefined, atMs: number): boolean {
  return spans?.some(({ fromMs, untilMs }) => fromMs <= atMs && atMs < untilMs) === true;
}
