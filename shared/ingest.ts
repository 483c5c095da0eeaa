// Ingest: a message of a DPU, from any door, becomes journal records; whoever brought it is told once they are durable.
import type { Clock } from './clock.ts';
import { type Event, OLDEST_EVENT_MS, type QuarantineReason } from './event.ts';
import { scanEvents } from './event-scan.ts';
import type { Floorplan } from './floorplan.ts';
import type { HeardMark } from './heard.ts';
import type { DpuId } from './ids.ts';
import { EVENT_RECORD_BYTES_MAX, encodeEventInto, encodeRecords, type JournalRecord } from './journal-entry.ts';
import type { JournalWriter } from './journal-writer.ts';
import { type Judged, judgeMessage, judgeValue, type Rejection, type Verdict } from './message.ts';
import { Sender } from './sender.ts';

/** `topic` is null for HTTP. `value` is the payload as JSON where it has been parsed already. */
export type Message = {
  readonly dpuId: DpuId;
  readonly topic: string | null;
  readonly payload: Uint8Array;
  readonly value?: unknown;
  /** The quarantine item that this message is a replay of. */
  readonly replayOf?: string;
};

export type Outcome = {
  readonly status: 'accepted' | 'quarantined';
  readonly reason: QuarantineReason | null;
  readonly detail: string | null;
};

/** Whoever brought a message. */
export type Bringer = {
  /** It is durable; without outcomes, every event in it was accepted. */
  stored(outcomes?: readonly Outcome[]): void;
};

export type IngestDependencies = {
  readonly writer: JournalWriter;
  /** Shows a fact only once it stands in the journal. */
  readonly plan: Floorplan;
  readonly clock: Clock;
  readonly futureAllowedMs: number;
  /** How long the watermark of a DPU stays where it was after it has connected. */
  readonly latenessAllowedMs: number;
};

/** A fleet's keepalives go to the journal together. */
const ALIVE_EVERY_MS = 1_000;
/** What a payload of no bytes says: that the DPU is there. */
const NO_EVENTS: readonly unknown[] = [];
const NOTHING = new Uint8Array(0);
/** Single events are encoded here; the writer copies them. */
const scratch = Buffer.allocUnsafe(EVENT_RECORD_BYTES_MAX);
/** Nobody waits for it. */
const UNTOLD: Bringer = { stored: () => undefined };
const ACCEPTED: Outcome = { status: 'accepted', reason: null, detail: null };
/** Faults of one message that are named in the quarantine item's detail. */
const DETAILS_MAX = 10;

export class Ingest {
  readonly #dependencies: IngestDependencies;
  /** When each was last alive, until the journal is told. */
  readonly #alive = new Map<DpuId, number>();

  constructor(dependencies: IngestDependencies) {
    this.#dependencies = dependencies;
  }

  /** The way into the journal, for those who must pause their sockets while it is saturated. */
  get writer(): JournalWriter {
    return this.#dependencies.writer;
  }

  /** Stores a message; `stored` gets one outcome an event (a message that cannot be read has one) once that is durable. */
  accept(message: Message, stored: (outcomes: readonly Outcome[]) => void): void {
    const receivedAtMs = this.#dependencies.clock.nowMs();
    const judged = this.#judge(message, receivedAtMs);
    const verdicts: readonly Verdict[] = 'rejected' in judged ? [judged.rejected] : judged.verdicts;
    const outcomes = verdicts.map(outcomeOf);
    const records = recordsOf(message, verdicts, receivedAtMs);
    if (records.length === 0 && message.replayOf === undefined && this.#knows(message.dpuId)) {
      // An empty array: the DPU is there and has nothing to tell.
      records.push({ kind: 'heard', dpuId: message.dpuId, atMs: receivedAtMs, holdMs: null });
    }
    // With nothing to store it is told all the same in its turn: acknowledgements keep the order of what they acknowledge.
    const bringer = { stored: () => stored(outcomes) };
    if (records.length === 0) this.inTurn(bringer);
    else this.writer.append(message.dpuId, encodeRecords(records), bringer);
  }

  /** See Sender. */
  senderOf(dpuId: DpuId): Sender {
    return new Sender(dpuId, this.#dependencies.plan);
  }

  /** As `accept`, of the message of a DPU's topic in `bytes` from `at` to `end`. */
  take(sender: Sender, bytes: Buffer, at: number, end: number, bringer: Bringer): void {
    const { dpuId } = sender;
    const receivedAtMs = this.#dependencies.clock.nowMs();
    const events = sender.isKnown ? scanEvents(bytes, at, end, dpuId) : null;
    const latestMs = receivedAtMs + this.#dependencies.futureAllowedMs;
    if (events?.every(({ timestampMs }) => timestampMs >= OLDEST_EVENT_MS && timestampMs <= latestMs)) {
      const [first] = events;
      if (events.length === 1 && first !== undefined) {
        const length = encodeEventInto(scratch, receivedAtMs, first);
        return this.writer.append(dpuId, scratch, bringer, length);
      }
      const record: JournalRecord = { kind: 'events', dpuId, receivedAtMs, events, replayOf: null };
      return this.writer.append(dpuId, encodeRecords([record]), bringer);
    }
    const payload = bytes.subarray(at, end);
    const message = { dpuId, topic: `dpu/${dpuId}/events`, payload };
    this.accept(end === at ? { ...message, value: NO_EVENTS } : message, (outcomes) => bringer.stored(outcomes));
  }

  /** Tells `bringer` when everything asked for before this call is durable. */
  inTurn(bringer: Bringer): void {
    this.writer.append('', NOTHING, bringer);
  }

  /** Stores something that is no message of a DPU. */
  quarantine(what: { topic: string | null; payload: Uint8Array } & Rejection, stored: () => void): void {
    const receivedAtMs = this.#dependencies.clock.nowMs();
    const record: JournalRecord = { kind: 'quarantined', dpuId: null, receivedAtMs, ...what };
    this.writer.append(what.topic ?? '', encodeRecords([record]), { stored });
  }

  /** A client that may be a DPU has connected: a backlog may follow. */
  connected(dpuId: DpuId): void {
    const { clock, latenessAllowedMs } = this.#dependencies;
    if (this.#knows(dpuId)) this.#append({ dpuId, atMs: clock.nowMs(), holdMs: latenessAllowedMs });
  }

  /** A client that may be a DPU has shown that it is there. */
  alive(dpuId: DpuId): void {
    if (!this.#knows(dpuId)) return;
    if (this.#alive.size === 0) setTimeout(() => this.#tellAlive(), ALIVE_EVERY_MS).unref();
    this.#alive.set(dpuId, this.#dependencies.clock.nowMs());
  }

  #tellAlive(): void {
    for (const [dpuId, atMs] of this.#alive) this.#append({ dpuId, atMs, holdMs: null });
    this.#alive.clear();
  }

  #append(mark: HeardMark): void {
    this.writer.append(mark.dpuId, encodeRecords([{ kind: 'heard', ...mark }]), UNTOLD);
  }

  #knows(dpuId: DpuId): boolean {
    return this.#dependencies.plan.dpus.has(dpuId);
  }

  #judge(message: Message, receivedAtMs: number): Judged {
    const rules = { receivedAtMs, futureAllowedMs: this.#dependencies.futureAllowedMs };
    const judged =
      message.value === undefined
        ? judgeMessage(message.dpuId, decodeText(message.payload), rules)
        : judgeValue(message.dpuId, message.value, rules);
    if ('rejected' in judged || this.#knows(message.dpuId)) return judged;
    return { verdicts: judged.verdicts.map((verdict) => ('event' in verdict ? unknownDpu(message.dpuId) : verdict)) };
  }
}

function unknownDpu(dpuId: DpuId): Rejection {
  return { reason: 'unknown_dpu', detail: `no DPU ${dpuId} in the floor plan; creating it replays its events` };
}

function outcomeOf(verdict: Verdict): Outcome {
  return 'event' in verdict ? ACCEPTED : { status: 'quarantined', reason: verdict.reason, detail: verdict.detail };
}

/** The good events, and for each reason among the others one item with the bytes of the whole message. */
function recordsOf(message: Message, verdicts: readonly Verdict[], receivedAtMs: number): JournalRecord[] {
  const { dpuId, topic, payload } = message;
  const events: Event[] = [];
  const rejected = new Map<QuarantineReason, string[]>();
  for (const [index, verdict] of verdicts.entries()) {
    if ('event' in verdict) events.push(verdict.event);
    else {
      const details = rejected.get(verdict.reason) ?? [];
      details.push(verdicts.length === 1 ? verdict.detail : `[${index}] ${verdict.detail}`);
      rejected.set(verdict.reason, details);
    }
  }
  const records: JournalRecord[] = [];
  if (events.length > 0)
    records.push({ kind: 'events', dpuId, receivedAtMs, events, replayOf: message.replayOf ?? null });
  else if (message.replayOf !== undefined) return [];
  for (const [reason, details] of rejected) {
    const more = details.length > DETAILS_MAX ? `; and ${details.length - DETAILS_MAX} more` : '';
    const detail = details.slice(0, DETAILS_MAX).join('; ') + more;
    records.push({ kind: 'quarantined', topic, dpuId, reason, receivedAtMs, payload, detail });
  }
  return records;
}

function decodeText(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
}
