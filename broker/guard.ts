// The guard of one connection: lets through to aedes only what aedes can handle safely, at the time when it can.
//
//   source (socket, WebSocket) ──▶ limits ──▶ may it pass? ──▶ aedes
//                                     │           └─ not yet: held, the source is paused
//                                     └─ too long, malformed: connection closed before its body is read
//   source ◀── one write a turn ◀── acknowledgements counted ◀── aedes
//
// What is held: everything behind CONNECT until the client is accepted; a PUBLISH while the journal is saturated or too many
// before it are unanswered; DISCONNECT, and the end of the stream, until every PUBLISH before it is answered (aedes
// destroys the connection at once, acknowledgements included).
import { Duplex } from 'node:stream';
import { FrameError, FrameScanner, type FrameVisitor, PACKET } from './frames.ts';

/** Remaining bytes of CONNECT: ids and secrets of at most 64 characters fit many times. */
export const CONNECT_BYTES_MAX = 1024;
/** Remaining bytes of any later packet (CONTRACT.md, "Events"). */
export const PACKET_BYTES_MAX = 256 * 1024;
/** Publishes of one connection that have not been answered; several disk writes' worth of a fast publisher. */
export const UNANSWERED_MAX = 1000;
/** For the peer to take what was written last and to close its side; then it is cut off. */
const LINGER_MS = 1000;

/** What a guard needs of the broker that it stands at. */
export type Gate = {
  /** False while no PUBLISH may pass. */
  readonly open: boolean;
  /** A PUBLISH is held: `advance()` is to be called when the gate is open again. */
  wait(guard: Guard): void;
  /** The connection broke a limit or the protocol and is being closed. */
  refused(why: string): void;
  /** The guard is destroyed. */
  left(guard: Guard): void;
  /** Never goes back. */
  nowMs(): number;
};

export class Guard extends Duplex {
  /** The connection is dead when nothing has come for so long [MQTT-3.1.2-24]; 0: never. */
  keepaliveMs = 0;
  readonly #source: Duplex;
  readonly #gate: Gate;
  readonly #incoming = new FrameScanner();
  readonly #outgoing = new FrameScanner();
  #phase: 'new' | 'connecting' | 'open' | 'finished' = 'new';
  #unanswered = 0;
  #held: Buffer | null = null;
  #wanted = true;
  #flowing = true;
  #ended = false;
  #heardAtMs: number;
  #quietCallbacks: (() => void)[] = [];

  constructor(source: Duplex, gate: Gate) {
    super();
    this.#source = source;
    this.#gate = gate;
    this.#heardAtMs = gate.nowMs();
    // aedes takes its own listeners off again when it is done with a connection.
    this.on('error', () => {});
    source.on('error', (error) => this.destroy(error));
    source.on('close', () => this.destroy());
    source.on('data', (chunk: Buffer) => this.#receive(chunk));
    source.on('end', () => {
      this.#ended = true;
      this.advance();
    });
  }

  /** aedes has accepted the client: what it sent behind CONNECT may pass. */
  accepted(): void {
    this.#phase = 'open';
    this.advance();
  }

  /** A PUBLISH that gets no acknowledgement (QoS 0) has been dealt with. */
  answered(): void {
    this.#unanswered -= 1;
    this.advance();
  }

  /** Looks again whether what is held may pass. */
  advance(): void {
    if (this.destroyed) return;
    const held = this.#held;
    if (held !== null) this.#pass(held);
    if (this.#unanswered > 0) return;
    for (const callback of this.#quietCallbacks.splice(0)) callback();
    if (this.#ended && this.#held === null) this.destroy();
  }

  /** Resolves when every PUBLISH that was let through is answered, or can no longer be. */
  quiet(): Promise<void> {
    if (this.#unanswered === 0 || this.destroyed) return Promise.resolve();
    return new Promise((resolve) => this.#quietCallbacks.push(resolve));
  }

  /** True when the peer has been silent for too long; it is not its silence while nothing is read from it. */
  isOverdue(nowMs: number): boolean {
    return this.keepaliveMs > 0 && this.#flowing && nowMs - this.#heardAtMs > this.keepaliveMs;
  }

  /** aedes reads once a turn and takes `read()` for everything there is; Node 26 answers with one chunk. */
  override read(size?: number | null): Buffer | null {
    return super.read(size ?? this.readableLength);
  }

  override _read(): void {
    this.#wanted = true;
    this.#flow();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#send(chunk, callback);
  }

  override _writev(writes: { chunk: Buffer }[], callback: () => void): void {
    this.#send(Buffer.concat(writes.map((write) => write.chunk)), callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#gate.left(this);
    this.#held = null;
    for (const quiet of this.#quietCallbacks.splice(0)) quiet();
    if (error !== null) this.#source.destroy();
    else this.#linger();
    callback(error);
  }

  /** Closes the source so that what was written reaches the peer: with bytes unread, closing it at once would reset it. */
  #linger(): void {
    const source = this.#source;
    if (source.destroyed) return;
    const timer = setTimeout(() => source.destroy(), LINGER_MS);
    source.once('close', () => clearTimeout(timer));
    source.resume();
    source.end();
  }

  #receive(chunk: Buffer): void {
    if (this.destroyed) return;
    this.#heardAtMs = this.#gate.nowMs();
    this.#pass(this.#held === null ? chunk : Buffer.concat([this.#held, chunk]));
  }

  #pass(chunk: Buffer): void {
    let passed: number;
    try {
      passed = this.#incoming.scan(chunk, this.#arriving);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#gate.refused(error.message);
      this.destroy(error);
      return;
    }
    this.#held = passed < chunk.length ? chunk.subarray(passed) : null;
    if (passed > 0) this.#wanted = this.push(passed < chunk.length ? chunk.subarray(0, passed) : chunk);
    this.#flow();
  }

  #flow(): void {
    const flowing = this.#wanted && this.#held === null;
    if (flowing === this.#flowing) return;
    this.#flowing = flowing;
    this.#heardAtMs = this.#gate.nowMs();
    if (flowing) this.#source.resume();
    else this.#source.pause();
  }

  #send(bytes: Buffer, callback: () => void): void {
    this.#outgoing.scan(bytes, this.#leaving);
    if (this.#source.write(bytes)) callback();
    else this.#source.once('drain', callback);
    this.advance();
  }

  readonly #arriving: FrameVisitor = {
    begins: (type) => this.#mayPass(type),
    sized: (type, remainingBytes) => {
      const maximum = this.#phase === 'new' ? CONNECT_BYTES_MAX : PACKET_BYTES_MAX;
      if (remainingBytes > maximum)
        throw new FrameError(`packet ${type} of ${remainingBytes} bytes, at most ${maximum}`);
    },
    ends: (type) => {
      if (this.#phase === 'new') this.#phase = 'connecting';
      else if (type === PACKET.publish) this.#unanswered += 1;
      else if (type === PACKET.disconnect) this.#phase = 'finished';
    },
  };

  #mayPass(type: number): boolean {
    switch (this.#phase) {
      case 'new': // [MQTT-3.1.0-1]
        if (type !== PACKET.connect) throw new FrameError(`packet ${type} before CONNECT`);
        return true;
      case 'connecting':
        return false;
      case 'open':
        if (type === PACKET.publish) return this.#mayPublish();
        return type !== PACKET.disconnect || this.#unanswered === 0;
      case 'finished': // [MQTT-3.14.4-2]
        return false;
    }
  }

  #mayPublish(): boolean {
    if (this.#unanswered >= UNANSWERED_MAX) return false;
    if (!this.#gate.open) this.#gate.wait(this);
    return this.#gate.open;
  }

  readonly #leaving: FrameVisitor = {
    begins: () => true,
    sized: () => {},
    ends: (type) => {
      if (type === PACKET.puback || type === PACKET.pubrec) this.#unanswered -= 1;
    },
  };
}
