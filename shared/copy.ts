// Copying a store into another: facts and events in the order in which they were recorded, so that everything comes out the same.
//
//   source: facts, events by recording ──merged──▶ journal of the target, recorded when they were ──▶ its processor ──▶ compared
//
// Interrupted and run again it goes on: facts that are there are passed over, and an event that is there changes nothing.
import { randomBytes } from 'node:crypto';
import { itemsOf, keyOf, recordedTogether } from './copied.ts';
import { identityOf } from './event.ts';
import type { Fact } from './fact.ts';
import { encodeRecords, type JournalRecord, joinEntry } from './journal-entry.ts';
import { partitionOf } from './partition.ts';
import type { ProcessorControl } from './processor-control.ts';
import type { HistoryReader, StoredEvent } from './storage/history.ts';
import type { CopyTarget } from './storage/open.ts';
import type { QuarantineReader } from './storage/quarantine.ts';

export type CopySource = {
  readonly floorplan: { read(after: number): Promise<Fact[]> };
  readonly history: Pick<HistoryReader, 'events' | 'duplicates' | 'net'> & QuarantineReader;
};

export type CopyProgress = { readonly events: number; readonly total: number };

type Target = Pick<CopyTarget, 'journal' | 'floorplan' | 'history'> & {
  readonly processors: Pick<ProcessorControl, 'caughtUp'>;
};

const PAGE_SIZE = 5_000;
/** Appended before the target's processor is waited for, so that its journal stays small. */
const AHEAD_EVENTS_MAX = 50_000;
const CAUGHT_UP_TIMEOUT_MS = 3_600_000;
const EVER = { fromMs: 0, untilMs: Date.UTC(2200, 0, 1) };

export class Copier {
  readonly #source: CopySource;
  readonly #target: Target;
  readonly #appender = randomBytes(8).toString('hex');
  readonly #time: { nowMs: number };
  #seq = 0;
  /** By partition, the newest append: the next one waits for it, so that none is stored after one that was not. */
  readonly #newest = new Map<number, Promise<void>>();

  /** `time`: the clock that the target records by. */
  constructor(source: CopySource, target: Target, time: { nowMs: number }) {
    this.#time = time;
    this.#source = source;
    this.#target = target;
  }

  /** Resolves once all is in the target's counts, or `signal` is aborted. Answers the number of events read. */
  async run(onProgress: (progress: CopyProgress) => void, signal: AbortSignal): Promise<number> {
    const facts = await this.#factsAfter(await this.#newestFact());
    const fromMs = await this.#newestRecording();
    const held = await this.#recordedAt(fromMs);
    let events = 0;
    let ahead = 0;
    for (let cursor: string | null | undefined; cursor !== null && !signal.aborted; ) {
      const page = await this.#source.history.events({
        by: 'received',
        order: 'asc',
        span: { fromMs, untilMs: EVER.untilMs },
        limit: PAGE_SIZE,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const group of recordedTogether(page.results.filter((event) => !held.has(identityOf(event))))) {
        const recordedAtMs = group[0]?.recordedAtMs ?? 0;
        while (facts[0] !== undefined && facts[0].recordedAtMs <= recordedAtMs) await this.#record(facts);
        this.#append(group, recordedAtMs);
      }
      await this.#stored();
      events += page.results.length;
      ahead += page.results.length;
      onProgress({ events, total: page.total });
      cursor = page.next;
      if (ahead < AHEAD_EVENTS_MAX) continue;
      await this.#target.processors.caughtUp(CAUGHT_UP_TIMEOUT_MS);
      ahead = 0;
    }
    while (facts.length > 0 && !signal.aborted) await this.#record(facts);
    if (!signal.aborted) await this.#copyQuarantine();
    await this.#target.processors.caughtUp(CAUGHT_UP_TIMEOUT_MS);
    if (!signal.aborted) await this.#copyDuplicates();
    return events;
  }

  async #newestFact(): Promise<number> {
    for (let number = 0; ; ) {
      const last = (await this.#target.floorplan.read(number)).at(-1);
      if (last === undefined) return number;
      number = last.number;
    }
  }

  async #factsAfter(number: number): Promise<Fact[]> {
    const facts: Fact[] = [];
    for (let after = number; ; ) {
      const read = await this.#source.floorplan.read(after);
      facts.push(...read);
      const last = read.at(-1);
      if (last === undefined) return facts;
      after = last.number;
    }
  }

  /** What the target holds was copied in this order, so nothing before its newest recording is missing. */
  async #newestRecording(): Promise<number> {
    const query = { by: 'received', order: 'desc', span: EVER, limit: 1 } as const;
    const [newest] = (await this.#target.history.events(query)).results;
    return newest?.recordedAtMs ?? 0;
  }

  /** What the target holds of that instant: copied again it would be taken for redelivered. */
  async #recordedAt(atMs: number): Promise<Set<string>> {
    const held = new Set<string>();
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const place = cursor === undefined ? {} : { cursor };
      const query = { by: 'received', order: 'asc', limit: PAGE_SIZE, ...place } as const;
      const page = await this.#target.history.events({ ...query, span: { fromMs: atMs, untilMs: atMs + 1 } });
      for (const event of page.results) held.add(identityOf(event));
      cursor = page.next;
    }
    return held;
  }

  /** As many copies as the target does not know of yet, of events that it holds. */
  async #copyDuplicates(): Promise<void> {
    const known = new Map<string, number>();
    for (const one of await this.#target.history.duplicates(EVER, null)) known.set(identityOf(one), one.copies);
    for (const one of await this.#source.history.duplicates(EVER, null)) {
      const missing = one.copies - (known.get(identityOf(one)) ?? 0);
      const event = {
        ...one,
        receivedAtMs: one.timestampMs,
        recordedAtMs: this.#time.nowMs,
        status: 'counted',
      } as const;
      for (let copy = 0; copy < missing; copy++) this.#append([event], this.#time.nowMs);
    }
    await this.#stored();
    await this.#target.processors.caughtUp(CAUGHT_UP_TIMEOUT_MS);
  }

  /** The first of `facts` and all that were recorded with it. */
  async #record(facts: Fact[]): Promise<void> {
    const first = facts[0] as Fact;
    const end = facts.findIndex((fact) => fact.recordedAtMs !== first.recordedAtMs);
    const together = facts.splice(0, end === -1 ? facts.length : end);
    await this.#stored();
    const { floorplan, journal } = this.#target;
    const changes = together.map((fact) => fact.change);
    const upTo = first.number + together.length - 1;
    this.#time.nowMs = first.recordedAtMs;
    await floorplan.append(changes, first.number - 1, null);
    const entry = joinEntry([encodeRecords([{ kind: 'facts', upTo }])]);
    for (let partition = 0; partition < journal.partitions; partition++) {
      await journal.append(partition, entry, this.#nextId(), first.recordedAtMs);
    }
    await floorplan.markAnnounced(upTo);
  }

  #append(group: readonly StoredEvent[], recordedAtMs: number): void {
    const records = new Map<number, JournalRecord[]>();
    for (const { dpuId, receivedAtMs, timestampMs, direction, epoch, seq } of group) {
      const partition = partitionOf(dpuId, this.#target.journal.partitions);
      const event = { dpuId, timestampMs, direction, epoch, seq };
      const record = { kind: 'events' as const, dpuId, receivedAtMs, events: [event], replayOf: null };
      records.set(partition, [...(records.get(partition) ?? []), record]);
    }
    for (const [partition, of] of records) this.#put(partition, of, recordedAtMs);
  }

  #put(partition: number, records: readonly JournalRecord[], recordedAtMs: number): void {
    const entry = joinEntry([encodeRecords(records)]);
    const id = this.#nextId();
    const before = this.#newest.get(partition) ?? Promise.resolve();
    const stored = before.then(() => this.#target.journal.append(partition, entry, id, recordedAtMs));
    // Told when all is waited for.
    stored.catch(() => undefined);
    this.#newest.set(partition, stored);
  }

  async #stored(): Promise<void> {
    await Promise.all(this.#newest.values());
  }

  #nextId() {
    this.#seq += 1;
    return { appender: this.#appender, seq: this.#seq };
  }

  async #copyQuarantine(): Promise<void> {
    const known = new Set<string>();
    for await (const item of itemsOf(this.#target.history)) known.add(keyOf(item));
    for await (const item of itemsOf(this.#source.history)) {
      if (known.has(keyOf(item))) continue;
      const { topic, dpuId, reason, receivedAtMs, payload, detail } = item;
      const record = { kind: 'quarantined' as const, topic, dpuId, reason, receivedAtMs, payload, detail };
      const partition = partitionOf(dpuId ?? topic ?? '', this.#target.journal.partitions);
      this.#put(partition, [record], receivedAtMs);
    }
    await this.#stored();
  }
}
