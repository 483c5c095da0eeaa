// The far end of a connection: its socket (or WebSocket), when it is read, what is written to it, how long it has been silent.
import type { Duplex } from 'node:stream';
import type { Limits } from './limits.ts';
import { PlainSocket, writeAtOnce } from './plain-socket.ts';

/** Whose far end it is. */
export type PeerOwner = {
  /** What time it was lately; never goes back. */
  readonly recentMs: number;
  /** It is read again, or no longer, or it does not take what is written. */
  patienceChanged(): void;
};

/** Nothing is written past Node's stream. */
const NONE = -1;
/** Texts up to this length are written at once: more than the answers to what is read in one piece are seldom due together. */
const SHORT_BYTES = 4_096;
/** What is being written at once. */
const short = Buffer.allocUnsafeSlow(SHORT_BYTES);

export class Peer {
  readonly #source: Duplex;
  readonly #limits: Limits;
  /** Of a plain socket for which nothing waits in Node's stream. */
  #descriptor: number;
  #mayFlow = true;
  #flowing = true;
  #clogged = false;
  readonly #owner: PeerOwner;
  #heardAtMs: number;

  constructor(source: Duplex, limits: Limits, owner: PeerOwner) {
    this.#source = source;
    this.#limits = limits;
    this.#owner = owner;
    this.#heardAtMs = owner.recentMs;
    this.#descriptor = descriptorOf(source);
  }

  /** True while what it says is read. */
  get isRead(): boolean {
    return this.#flowing;
  }

  /** True while it does not take what is written to it; it is not read then. */
  get isClogged(): boolean {
    return this.#clogged;
  }

  /** Bytes written that it has not taken. */
  get unsentBytes(): number {
    return this.#descriptor === NONE ? this.#source.writableLength : 0;
  }

  /** Since it was last heard, or since it was last begun or ceased to be read. */
  silentMs(nowMs: number): number {
    return nowMs - this.#heardAtMs;
  }

  heard(): void {
    this.#heardAtMs = this.#owner.recentMs;
  }

  /** Reads on, or not; it is never read while it does not read itself. */
  flow(mayFlow: boolean): void {
    this.#mayFlow = mayFlow;
    const flowing = mayFlow && !this.#clogged;
    if (flowing === this.#flowing) return;
    this.#flowing = flowing;
    this.heard();
    this.#owner.patienceChanged();
    if (flowing) this.#source.resume();
    else this.#source.pause();
  }

  /**
   * Of a text a byte a character. `taken` is called when the peer, or the system on its way, has taken them; never, if it
   * does not.
   */
  send(bytes: Buffer | string, taken?: () => void): void {
    if (this.#descriptor === NONE || taken !== undefined) return this.#sendThroughStream(bytes, taken);
    const left = this.#sendAtOnce(bytes);
    if (left.length > 0) this.#sendThroughStream(left);
  }

  /** Its descriptor is no longer its own. */
  gone(): void {
    this.#descriptor = NONE;
  }

  /** Answers what the system has not taken. */
  #sendAtOnce(bytes: Buffer | string): Buffer | string {
    if (typeof bytes !== 'string') return bytes.subarray(writeAtOnce(this.#descriptor, bytes, bytes.length));
    if (bytes.length > SHORT_BYTES) return bytes;
    return bytes.slice(writeAtOnce(this.#descriptor, short, short.write(bytes, 'latin1')));
  }

  #sendThroughStream(bytes: Buffer | string, taken?: () => void): void {
    const source = this.#source;
    if (source.destroyed) return;
    const written = (error?: Error | null) => {
      if (error) return;
      if (source.writableLength === 0) this.#descriptor = descriptorOf(source);
      taken?.();
    };
    // Acknowledgements leave without a callback where they can, which would cost as much as they do.
    const isTold = taken !== undefined || source instanceof PlainSocket;
    const isRoom = source.write(bytes, 'latin1', isTold ? written : undefined);
    if (source.writableLength > 0) this.#descriptor = NONE;
    if (isRoom || this.#clogged) return;
    if (source.writableLength < this.#limits.unsentBytesMax) return;
    this.#clogged = true;
    this.heard();
    this.#owner.patienceChanged();
    this.flow(this.#mayFlow);
    source.once('drain', () => {
      this.#clogged = false;
      this.flow(this.#mayFlow);
    });
  }

  /** Closes it so that what was written reaches it: with bytes unread, closing it at once would reset it. */
  close(): void {
    const source = this.#source;
    if (source.destroyed) return;
    this.#descriptor = NONE;
    const timer = setTimeout(() => source.destroy(), this.#limits.lingerMs);
    source.once('close', () => clearTimeout(timer));
    source.resume();
    source.end();
  }

  destroy(): void {
    this.#source.destroy();
  }
}

function descriptorOf(source: Duplex): number {
  return source instanceof PlainSocket && !source.destroyed && !source.writableEnded ? source.descriptor : NONE;
}
