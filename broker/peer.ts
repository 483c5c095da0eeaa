// The far end of a connection: its socket (or WebSocket), when it is read, what is written to it, how long it has been silent.
import type { Duplex } from 'node:stream';
import type { Limits } from './limits.ts';

/** Whose far end it is. */
export type PeerOwner = {
  /** What time it was lately; never goes back. */
  readonly recentMs: number;
  /** It is read again, or no longer, or it does not take what is written. */
  patienceChanged(): void;
};

export class Peer {
  readonly #source: Duplex;
  readonly #limits: Limits;
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
    return this.#source.writableLength;
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
    const source = this.#source;
    if (source.destroyed) return;
    // Acknowledgements leave without a callback, which would cost as much as they do.
    const callback = taken === undefined ? undefined : (error?: Error | null) => error || taken();
    const isRoom = source.write(bytes, 'latin1', callback);
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
    const timer = setTimeout(() => source.destroy(), this.#limits.lingerMs);
    source.once('close', () => clearTimeout(timer));
    source.resume();
    source.end();
  }

  destroy(): void {
    this.#source.destroy();
  }
}
