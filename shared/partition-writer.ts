// Group commit into one partition: what arrives while one entry is being stored goes into the next.
//
//   append ──▶ waiting ──(nothing in flight)──▶ in flight ──stored──▶ callbacks in order
//                 │                                  └──failed──▶ again with the same id, after a pause
//                 └─ more than `waitingBytesMax`: `saturated`; callers stop reading their sockets until `onRelief`
import { randomBytes } from 'node:crypto';
import type { Clock } from './clock.ts';
import { EntryBuilder } from './journal-entry.ts';
import type { Log } from './log.ts';
import type { EntryId, Journal } from './storage/journal.ts';
import type { Appended, EntryTraces } from './traces/traces.ts';

/**
 * Whoever waits for a record to be durable; no bare function, because one of its own for each of many thousand connections is
 * one more thing that has to come into the processor's cache for each publish.
 */
export type Waiter = {
  /** It is. Never called for a record that is not. */
  stored(): void;
};

/** What is stored together. */
type Group = {
  readonly entry: EntryBuilder;
  readonly waiters: Waiter[];
  /** Nothing more may be added. */
  readonly isAlone: boolean;
  readonly notBeforeMs: number;
  /** On the monotonic clock; 0 where nobody wants to know. */
  readonly beganAtMs: number;
};

/** Above this, callers must pause: two seconds of 60,000 events a second in single records of about 40 bytes. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024;
/** One entry; keeps a commit short. */
const ENTRY_BYTES_MAX = 1024 * 1024;
/**
 * So many do not wait for what else is read in their turn: they are stored meanwhile, and from then on one part of a large
 * fleet is read and answered while the other is stored. Between 32 and 512 it makes no difference that could be measured.
 */
const STARTS_AT = 128;
/** Between tries while the journal fails: short enough to recover at once, long enough not to spin. */
const RETRY_MS = 200;

/** A place in the order of appends that adds no record to its entry. */
const NOTHING = new Uint8Array(0);

/** Appends records to one partition, many to an entry, in the order of the calls, until stored. */
export class PartitionWriter {
  readonly #journal: Pick<Journal, 'append'>;
  readonly #partition: number;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #traces: EntryTraces | null;
  readonly #appender = randomBytes(8).toString('hex');
  #seq = 0;
  #waiting: Group[] = [];
  #waitingBytes = 0;
  #busy = false;
  #failingSince: number | null = null;
  #reliefCallbacks: (() => void)[] = [];
  #idleCallbacks: (() => void)[] = [];

  constructor(
    journal: Pick<Journal, 'append'>,
    partition: number,
    clock: Clock,
    log: Log,
    traces: EntryTraces | null = null,
  ) {
    this.#traces = traces;
    this.#journal = journal;
    this.#partition = partition;
    this.#clock = clock;
    this.#log = log;
  }

  /** True while callers should stop reading more; what they append all the same is still taken. */
  get saturated(): boolean {
    return this.#waitingBytes > WAITING_BYTES_MAX || this.#failingSince !== null;
  }

  /** True while the journal refuses appends (disk full or failing); they are tried again until they succeed. */
  get failing(): boolean {
    return this.#failingSince !== null;
  }

  /** Bytes taken and not yet stored. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Calls back once, when no longer saturated (at once if it is not). */
  onRelief(callback: () => void): void {
    if (this.saturated) this.#reliefCallbacks.push(callback);
    else callback();
  }

  /**
   * Takes the first `length` bytes of `records`, encoded ones, which may be written over afterwards; `waiter` is told when
   * they are durable, in the order of the calls.
   */
  append(records: Uint8Array, waiter: Waiter, length: number = records.length): void {
    let group = this.#waiting.at(-1);
    if (group === undefined || group.isAlone || group.entry.bytes + length > ENTRY_BYTES_MAX) {
      group = this.#begin(false, 0);
    }
    this.#add(group, records, length, waiter);
  }

  /** As `append`, as an entry of its own, recorded at `notBeforeMs` or later. */
  appendAlone(records: Uint8Array, notBeforeMs: number): Promise<void> {
    const group = this.#begin(true, notBeforeMs);
    return new Promise((resolve) => this.#add(group, records, records.length, { stored: resolve }));
  }

  /** Resolves when everything appended before this call is stored, whatever is appended after it. */
  flushed(): Promise<void> {
    return new Promise((resolve) => this.append(NOTHING, { stored: resolve }));
  }

  /** Resolves when nothing waits to be stored any more. */
  drained(): Promise<void> {
    if (!this.#busy && this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleCallbacks.push(resolve));
  }

  #begin(isAlone: boolean, notBeforeMs: number): Group {
    const beganAtMs = this.#traceTimeMs();
    const group = { entry: new EntryBuilder(), waiters: [], isAlone, notBeforeMs, beganAtMs };
    this.#waiting.push(group);
    return group;
  }

  #add(group: Group, records: Uint8Array, length: number, waiter: Waiter): void {
    group.entry.add(records, length);
    group.waiters.push(waiter);
    this.#waitingBytes += length;
    if (this.#busy) return;
    // At the end of this turn, so that all publishes read in it share the first entry.
    if (group.waiters.length === 1) setImmediate(() => this.#start());
    else if (group.waiters.length === STARTS_AT) this.#start();
  }

  #start(): void {
    if (this.#busy || this.#waiting.length === 0) return;
    this.#busy = true;
    void this.#storeAll();
  }

  async #storeAll(): Promise<void> {
    for (let group = this.#waiting.shift(); group !== undefined; group = this.#waiting.shift()) {
      const bytes = group.entry.entry();
      const id = { appender: this.#appender, seq: ++this.#seq };
      const appendAtMs = this.#traceTimeMs();
      await this.#store(bytes, id, group.notBeforeMs);
      const storedAtMs = this.#traceTimeMs();
      this.#waitingBytes -= bytes.length - 1; // The version.
      for (const waiter of group.waiters) waiter.stored();
      this.#trace(group, id, { bytes: bytes.length, appendAtMs, storedAtMs });
      this.#relieve();
    }
    this.#busy = false;
    for (const callback of this.#idleCallbacks.splice(0)) callback();
  }

  #traceTimeMs(): number {
    return this.#traces === null ? 0 : this.#clock.monotonicMs();
  }

  /** Facts stand alone, and were not published. */
  #trace(
    { waiters, isAlone, beganAtMs }: Group,
    id: EntryId,
    more: Pick<Appended, 'bytes' | 'appendAtMs' | 'storedAtMs'>,
  ) {
    if (isAlone || this.#traces?.isSampled(id) !== true) return;
    // Answers are written at the end of this turn.
    queueMicrotask(() => {
      const times = { beganAtMs, answeredAtMs: this.#traceTimeMs(), ...more };
      this.#traces?.appended(id, { partition: this.#partition, messages: waiters.length, ...times });
    });
  }

  async #store(bytes: Uint8Array, id: EntryId, notBeforeMs: number): Promise<void> {
    for (;;) {
      try {
        await this.#journal.append(this.#partition, bytes, id, notBeforeMs);
        break;
      } catch (error) {
        if (this.#failingSince === null) {
          this.#failingSince = this.#clock.monotonicMs();
          this.#log.error({ err: error }, 'journal does not take appends; nothing is acknowledged until it does');
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    if (this.#failingSince === null) return;
    const failedForMs = Math.round(this.#clock.monotonicMs() - this.#failingSince);
    this.#failingSince = null;
    this.#log.info({ failedForMs }, 'journal takes appends again; what waited is stored');
  }

  #relieve(): void {
    if (this.saturated) return;
    for (const callback of this.#reliefCallbacks.splice(0)) callback();
  }
}
