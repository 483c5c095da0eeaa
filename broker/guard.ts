// The guard of one connection: takes its stream apart, keeps publishes and pings for itself, lets aedes have the rest.
//
//   source (socket, WebSocket) ──▶ rules, limits ──▶ may it pass? ──▶ CONNECT, subscriptions ──▶ aedes
//                                     │                │    └──▶ PUBLISH, PUBREL ──▶ fast path;  PINGREQ, DISCONNECT: here
//                                     │                └─ not yet: held, the source is paused
//                                     └─ malformed or too long: connection closed before its body is read
//
// What is held: everything behind CONNECT until the client is accepted; a PUBLISH while the journal is saturated or too many
// before it are unanswered; DISCONNECT, and the end of the stream, until every PUBLISH before it is answered.
import { Duplex } from 'node:stream';
import type { DpuId } from '../shared/ids.ts';
import { type Connect, LevelError, readConnect } from './connect-packet.ts';
import { FastPath } from './fast-path.ts';
import { FrameError, type Header, PACKET, type Refusal } from './frames.ts';
import type { Accepted, Gate } from './gate.ts';
import { Intake } from './intake.ts';
import { Peer } from './peer.ts';
import { takeVersionFour } from './version-four.ts';

/** CONNACK with return code 1, unacceptable protocol version (MQTT 3.1.1, table 3.1). */
const WRONG_LEVEL = Buffer.from([0x20, 2, 0, 1]);
/** Half as much again as the client asked for [MQTT-3.1.2-24]. */
const KEEPALIVE_FACTOR_MS = 1_500;

export class Guard extends Duplex {
  /** What CONNECT said, once it has come. */
  connect: Connect | null = null;
  readonly #gate: Gate;
  readonly #peer: Peer;
  readonly #fastPath: FastPath;
  readonly #intake: Intake;
  #phase: 'new' | 'connecting' | 'open' | 'finished' = 'new';
  #accepted: Accepted | null = null;
  #wanted = true;
  #ended = false;
  #quietCallbacks: (() => void)[] = [];

  constructor(source: Duplex, gate: Gate) {
    super();
    this.#gate = gate;
    this.#peer = new Peer(source, gate.limits, gate.nowMs());
    this.#fastPath = new FastPath(gate.ingest, {
      mayPublish: (dpuId) => this.#accepted?.mayPublish(dpuId) === true,
      flushSoon: (path) => gate.flushSoon(path),
      send: (bytes) => this.#peer.send(bytes),
      answered: () => this.#answered(),
    });
    this.#intake = new Intake(this, this.#fastPath);
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

  /** The client is accepted: what it sent behind CONNECT may pass. */
  accept(accepted: Accepted): void {
    this.#accepted = accepted;
    this.#phase = 'open';
    this.advance();
  }

  /** Looks again whether what is held may pass. */
  advance(): void {
    if (this.destroyed) return;
    if (this.#intake.isBarred) this.#work(null);
    if (this.destroyed || this.#fastPath.unanswered > 0) return;
    for (const callback of this.#quietCallbacks.splice(0)) callback();
    if (this.#ended && !this.#intake.isBarred) this.finish();
  }

  /** Resolves when every PUBLISH that was let through is answered, or can no longer be. */
  quiet(): Promise<void> {
    if (this.#fastPath.unanswered === 0 || this.destroyed) return Promise.resolve();
    return new Promise((resolve) => this.#quietCallbacks.push(resolve));
  }

  /** Closes the connection when the peer has been silent, or has not read, for too long. */
  closeIfOverdue(nowMs: number): void {
    const { limits } = this.#gate;
    const overdue = (maximumMs: number) => this.#peer.silentMs(nowMs) > maximumMs;
    if (this.#peer.isClogged) {
      if (overdue(limits.drainTimeoutMs)) this.refuse('drain_timeout', 'it does not read what is written to it');
    } else if (this.#phase === 'new') {
      if (overdue(limits.connectTimeoutMs)) this.refuse('connect_timeout', 'CONNECT did not come in time');
    } else if (this.#phase === 'open' && this.#peer.isRead) {
      // It is not its silence while nothing is read from it.
      const keepaliveS = Math.min(this.connect?.keepaliveS || limits.keepaliveMaxS, limits.keepaliveMaxS);
      if (overdue(keepaliveS * KEEPALIVE_FACTOR_MS)) this.refuse('keepalive_timeout', 'silent [MQTT-3.1.2-24]');
    }
  }

  send(bytes: Buffer): void {
    this.#peer.send(bytes);
  }

  toAedes(packet: Buffer): void {
    this.#wanted = this.push(packet) && this.#wanted;
  }

  /** The client has shown that it is there. */
  alive(): void {
    if (this.#accepted !== null) this.#gate.ingest.alive(this.#accepted.clientId as DpuId);
  }

  /** The client has said its last word; what it is owed has been answered, and is written at the end of this turn. */
  finish(): void {
    this.#phase = 'finished';
    queueMicrotask(() => this.destroy());
  }

  refuse(refusal: Refusal, why: string): void {
    if (this.destroyed) return;
    this.#gate.refused(refusal, why);
    this.destroy(new Error(why));
  }

  /** aedes reads once a turn and takes `read()` for everything there is; Node 26 answers with one chunk. */
  override read(size?: number | null): Buffer | null {
    return super.read(size ?? this.readableLength);
  }

  override _read(): void {
    this.#wanted = true;
    this.#flow();
  }

  override _writev(writes: { chunk: Buffer }[], callback: () => void): void {
    // Packets come in pieces, and no packet of ours may stand between them.
    this.#peer.send(Buffer.concat(writes.map((write) => write.chunk)));
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#gate.left(this);
    this.#intake.clear();
    for (const quiet of this.#quietCallbacks.splice(0)) quiet();
    if (error !== null) this.#peer.destroy();
    else this.#peer.close();
    callback(error);
  }

  #receive(chunk: Buffer): void {
    // CONNECT has its time in all, however slowly it comes.
    if (this.#phase !== 'new') this.#peer.heard();
    if (!this.destroyed) this.#work(chunk);
  }

  #work(chunk: Buffer | null): void {
    try {
      if (chunk === null) this.#intake.advance();
      else this.#intake.receive(chunk);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#fault(error);
    }
    if (!this.destroyed) this.#flow();
  }

  packetBytesMax(): number {
    return this.#gate.limits[this.#phase === 'new' ? 'connectBytesMax' : 'packetBytesMax'];
  }

  mayPass(type: number): boolean {
    switch (this.#phase) {
      case 'new':
        if (type === PACKET.connect) return true;
        throw new FrameError(`packet ${type} before CONNECT [MQTT-3.1.0-1]`, 'protocol_error');
      case 'connecting':
        return false;
      case 'open':
        if (type === PACKET.publish) return this.#mayPublish();
        return type !== PACKET.disconnect || this.#fastPath.unanswered === 0;
      case 'finished': // [MQTT-3.14.4-2]
        return false;
    }
  }

  #mayPublish(): boolean {
    if (!this.#gate.open) this.#gate.wait(this);
    return this.#gate.open && this.#fastPath.unanswered < this.#gate.limits.unansweredMax;
  }

  takePacket(bytes: Buffer, at: number, header: Header): void {
    switch (header.type) {
      case PACKET.publish:
        return this.#fastPath.publish(bytes, header);
      case PACKET.pubrel:
        return this.#fastPath.release(bytes, header);
      case PACKET.connect:
        if (this.#phase !== 'new') throw new FrameError('a second CONNECT [MQTT-3.1.0-2]', 'protocol_error');
        this.connect = readConnect(bytes, header.bodyAt, header.end);
        this.#phase = 'connecting';
        return this.toAedes(bytes.subarray(at, header.end));
      default:
        return takeVersionFour(this, bytes, at, header);
    }
  }

  #fault(error: FrameError): void {
    if (!(error instanceof LevelError)) return this.refuse(error.refusal, error.message); // [MQTT-4.8.0-1]
    this.#gate.refused(error.refusal, error.message);
    this.#peer.send(WRONG_LEVEL);
    this.destroy();
  }

  #answered(): void {
    if (this.#intake.isBarred || this.#ended || this.#quietCallbacks.length > 0) this.advance();
  }

  #flow(): void {
    this.#peer.flow(this.#wanted && !this.#intake.isBarred);
  }
}
