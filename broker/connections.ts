// All connections of the broker: what holds for every one of them, such as the pause while the journal is saturated.
import type { Duplex } from 'node:stream';
import type { Clock } from '../shared/clock.ts';
import type { Ingest } from '../shared/ingest.ts';
import type { Log } from '../shared/log.ts';
import { AcknowledgementTimes } from './acknowledgement-times.ts';
import type { AedesStream } from './aedes-stream.ts';
import type { FastPath } from './fast-path.ts';
import { REFUSALS, type Refusal } from './frames.ts';
import type { Gate } from './gate.ts';
import { Guard } from './guard.ts';
import type { Limits } from './limits.ts';
import { Memory } from './memory.ts';
import type { Presence } from './presence.ts';
import { SLOT_MS, Wheel } from './wheel.ts';

/** Connections are logged one by one at debug only, and summed this often. */
const SUMMARY_MS = 10_000;

type ConnectionsDependencies = {
  readonly ingest: Ingest;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly connect: Gate['connect'];
  readonly serve: Gate['serve'];
  /** A connection is over. */
  readonly left: (guard: Guard) => void;
  /** Null: nobody is told of single DPUs. */
  readonly presence: Presence | null;
};

export class Connections implements Gate {
  readonly ingest: Ingest;
  readonly limits: Limits;
  readonly times = new AcknowledgementTimes(() => this.nowMs());
  /** How many connections were refused or closed, by reason, since the start. */
  readonly refusals = Object.fromEntries(REFUSALS.map((name) => [name, 0])) as Record<Refusal, number>;
  readonly #clock: Clock;
  readonly connect: Gate['connect'];
  /** See Gate. */
  recentMs: number;
  readonly #serve: Gate['serve'];
  readonly #left: (guard: Guard) => void;
  readonly #log: Log;
  readonly #presence: Presence | null;
  readonly #all = new Set<Guard>();
  readonly #waiting = new Set<Guard>();
  #unflushed: FastPath[] = [];
  readonly #wheel: Wheel<Guard>;
  readonly #memory: Memory;
  readonly #tick: NodeJS.Timeout;
  readonly #summary: NodeJS.Timeout;
  #reliefAsked = false;
  #draining = false;
  #sums = { opened: 0, closed: 0, refused: 0 };

  constructor({ ingest, limits, clock, log, connect, serve, left, presence }: ConnectionsDependencies) {
    this.#presence = presence;
    this.connect = connect;
    this.#serve = serve;
    this.#left = left;
    this.ingest = ingest;
    this.limits = limits;
    this.#clock = clock;
    this.#log = log;
    this.#memory = new Memory(this.#all, limits);
    this.recentMs = Math.floor(this.nowMs());
    this.#wheel = new Wheel(this.recentMs, (guard) => guard.closeIfOverdue(this.recentMs));
    this.#tick = setInterval(() => this.#turn(), SLOT_MS).unref();
    this.#summary = setInterval(() => this.#summarize(), SUMMARY_MS).unref();
  }

  /** The guarded stream of a new connection. */
  admit(source: Duplex, address: string): Guard {
    const guard = new Guard(source, address, this);
    this.#all.add(guard);
    this.#wheel.add(guard, this.limits.connectTimeoutMs);
    this.#sums.opened += 1;
    return guard;
  }

  /** How many there are now. */
  get size(): number {
    return this.#all.size;
  }

  get open(): boolean {
    return !this.#draining && !this.ingest.writer.saturated;
  }

  serve(guard: Guard): AedesStream {
    this.#memory.serves(guard);
    return this.#serve(guard);
  }

  holds(guard: Guard): void {
    this.#memory.holds(guard);
  }

  lookSoon(guard: Guard): void {
    // In none: it is being looked at, or gone.
    if (guard.slot === -1) return;
    this.#wheel.delete(guard);
    this.#wheel.add(guard, SLOT_MS);
  }

  wait(guard: Guard): void {
    this.#waiting.add(guard);
    if (this.#reliefAsked || this.#draining) return;
    this.#reliefAsked = true;
    this.ingest.writer.onRelief(() => this.#relieve());
  }

  refused(refusal: Refusal, why: string, clientId?: string): void {
    if (clientId !== undefined) this.#presence?.refused(clientId, refusal);
    this.refusals[refusal] += 1;
    this.#sums.refused += 1;
    this.#log.debug({ refusal, why }, 'connection refused');
  }

  flushSoon(path: FastPath): void {
    // A microtask later all that became durable together has been told.
    if (this.#unflushed.push(path) === 1) queueMicrotask(() => this.#flush());
  }

  left(guard: Guard): void {
    this.#all.delete(guard);
    this.#wheel.delete(guard);
    this.#memory.left(guard);
    this.#waiting.delete(guard);
    this.#sums.closed += 1;
    this.#left(guard);
  }

  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  /** Lets no further PUBLISH through; resolves when those let through are answered, or after `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([Promise.all([...this.#all].map((guard) => guard.quiet())), late]);
    clearTimeout(timer);
  }

  /** Closes what is left. */
  close(): void {
    clearInterval(this.#tick);
    clearInterval(this.#summary);
    for (const guard of [...this.#all]) guard.destroy();
  }

  #flush(): void {
    const paths = this.#unflushed;
    this.#unflushed = [];
    for (const path of paths) path.flush();
    this.times.written();
  }

  #relieve(): void {
    this.#reliefAsked = false;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const guard of waiting) guard.advance();
  }

  #turn(): void {
    this.recentMs = Math.floor(this.nowMs());
    this.#wheel.turn(this.recentMs);
    this.#memory.relieve();
  }

  #summarize(): void {
    const { opened, closed, refused } = this.#sums;
    if (opened + closed + refused === 0) return;
    this.#log.info({ opened, closed, refused, connections: this.#all.size }, 'MQTT connections');
    this.#sums = { opened: 0, closed: 0, refused: 0 };
  }
}
