// The guard of one connection: takes its stream apart, keeps publishes for itself, lets aedes have what is rare.
//
//   source (socket, WebSocket) ──▶ intake ──▶ may it pass? ──▶ PUBLISH, PUBREL ──▶ fast path
//                                                │    └──▶ subscriptions ──▶ aedes (MQTT 5: version-five.ts)
//                                                └─ not yet: held, the source is paused
//
// What is held: everything behind CONNECT until the client is accepted; a PUBLISH while the journal is saturated, too many
// before it are unanswered, or it comes too fast; DISCONNECT, and the end of the stream, until every PUBLISH is answered.
// aedes is given the connection when it first asks for what is aedes' to answer: most DPUs publish, ping and are gone, and
// a client of aedes costs more than all the rest of a connection.
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { DpuId } from '../shared/ids.ts';
import type { AedesStream } from './aedes-stream.ts';
import { type Connect, readConnect, readLevel } from './connect-packet.ts';
import { Connection } from './connection.ts';
import { FastPath, type FastPathOwner } from './fast-path.ts';
import { FrameError, type Header, PACKET } from './frames.ts';
import type { Accepted, Gate } from './gate.ts';
import { Intake } from './intake.ts';
import { type Attention, patienceWith } from './patience.ts';
import { PublishRate } from './publish-rate.ts';
import * as five from './version-five.ts';
import * as four from './version-four.ts';
import { SLOT_MS } from './wheel.ts';

export class Guard extends Connection implements FastPathOwner {
  readonly #fastPath: FastPath;
  readonly #intake: Intake;
  #aedes: AedesStream | null = null;
  #phase: Attention['phase'] = 'new';
  #rate: PublishRate | null = null;
  #timer: NodeJS.Timeout | null = null;
  #ended = false;
  #quietCallbacks: (() => void)[] = [];

  constructor(source: Duplex, address: string, gate: Gate) {
    super(source, address, gate);
    this.#fastPath = new FastPath(gate.ingest, gate.times, this);
    this.#intake = new Intake(this, this.#fastPath);
    source.on('end', () => {
      this.#ended = true;
      this.advance();
    });
  }

  get packetBytesMax(): number {
    return this.gate.limits[this.#phase === 'new' ? 'connectBytesMax' : 'packetBytesMax'];
  }

  /** Bytes that wait to be complete, to pass, or to be taken by the peer. */
  get heldBytes(): number {
    return this.#intake.bytes + this.peer.unsentBytes;
  }

  /** The client is accepted: what it sent behind CONNECT may pass. */
  accept(accepted: Accepted): void {
    const { publishesPerSecondMax: perSecond } = accepted;
    const connect = this.connect as Connect;
    if (perSecond !== null) this.#rate = new PublishRate(perSecond, this.gate.nowMs());
    this.send(this.level === 5 ? five.welcome(connect, this.clientId, this.gate.limits) : four.WELCOME);
    this.connect = { ...connect, username: undefined, password: undefined };
    this.accepted = accepted;
    this.#fastPath.accept(accepted);
    this.#phase = 'open';
    this.patienceChanged();
    this.advance();
  }

  override receive(chunk: Buffer): void {
    // CONNECT has its time in all, however slowly it comes.
    if (this.#phase !== 'new') this.peer.heard();
    if (!this.destroyed) this.#work(chunk);
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
    const isQuiet = this.#fastPath.unanswered === 0 || this.destroyed;
    return isQuiet ? Promise.resolve() : new Promise((resolve) => this.#quietCallbacks.push(resolve));
  }

  /**
   * Closes the connection when the peer has been silent, or has not read, for too long. Answers when that may be so, in
   * milliseconds; null: it is closed.
   */
  closeIfOverdue(nowMs: number): number | null {
    const { isClogged, isRead } = this.peer;
    const keepaliveS = this.connect?.keepaliveS ?? 0;
    const patience = patienceWith({ phase: this.#phase, isClogged, isRead, keepaliveS }, this.gate.limits);
    if (patience === null) return Number.POSITIVE_INFINITY;
    const silentMs = this.peer.silentMs(nowMs);
    // It may have been heard a little later than was noted.
    const leftMs = patience.silentMs + SLOT_MS - silentMs;
    if (leftMs > 0) return leftMs;
    this.refuse(patience.refusal, `nothing for ${Math.round(silentMs)} ms`);
    return null;
  }

  override patienceChanged(): void {
    this.gate.lookSoon(this);
  }

  /** It shows that it is there, and asks whether it is heard. */
  pinged(): void {
    this.#fastPath.pong();
    if (this.accepted !== null) this.gate.ingest.alive(this.clientId as DpuId);
  }

  /** The client has said its last word; what it is owed has been answered, and is written at the end of this turn. */
  finish(): void {
    this.#phase = 'finished';
    queueMicrotask(() => this.destroy());
  }

  override send(bytes: Buffer | string, taken?: () => void): void {
    super.send(bytes, taken);
    if (!this.destroyed && this.peer.unsentBytes > 0) this.gate.holds(this);
  }

  /** Reads on, or not. */
  flow(): void {
    if (!this.destroyed) this.peer.flow((this.#aedes?.wanted ?? true) && !this.#intake.isBarred);
  }

  flushSoon(path: FastPath): void {
    this.gate.flushSoon(path);
  }

  answered(): void {
    if (this.#intake.isBarred || this.#ended || this.#quietCallbacks.length > 0) this.advance();
  }

  mayPass(first: number): boolean {
    const type = first >> 4;
    switch (this.#phase) {
      case 'new':
        if (type === PACKET.connect) return true;
        throw new FrameError(`packet ${type} before CONNECT [MQTT-3.1.0-1]`, 'protocol_error');
      case 'open':
        if (type === PACKET.publish) return this.#mayPublish(first);
        return type !== PACKET.disconnect || this.#fastPath.unanswered === 0;
      default: // [MQTT-3.14.4-2]
        return false;
    }
  }

  takePacket(bytes: Buffer, at: number, header: Header): void {
    switch (header.type) {
      case PACKET.publish:
        this.#rate?.take();
        return this.#fastPath.publish(bytes, header);
      case PACKET.pubrel:
        return this.#fastPath.release(bytes, header);
      case PACKET.connect:
        if (this.#phase !== 'new') throw new FrameError('a second CONNECT [MQTT-3.1.0-2]', 'protocol_error');
        return this.#takeConnect(bytes, header);
      default:
        if (this.level === 5) return five.takeVersionFive(this, bytes, header);
        if (!four.takeVersionFour(this, bytes, header)) return;
        this.#aedes ??= this.gate.serve(this);
        // What it stands in is read into again.
        this.#aedes.deliver(Buffer.from(bytes.subarray(at, header.end)));
    }
  }

  protected override left(): void {
    this.gate.left(this);
    this.#intake.clear();
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const quiet of this.#quietCallbacks.splice(0)) quiet();
    this.#aedes?.leave();
  }

  #takeConnect(bytes: Buffer, { bodyAt, end }: Header): void {
    const { level, at } = readLevel(bytes, bodyAt, end);
    this.level = level;
    this.connect = readConnect(bytes, at, end, level);
    this.clientId = this.connect.clientId || `assigned-${randomUUID()}`;
    this.#phase = 'connecting';
    if (level === 5) this.#fastPath.speakFive();
    this.gate.connect(this);
  }

  #mayPublish(first: number): boolean {
    const { limits } = this.gate;
    if (this.#fastPath.unanswered >= limits.unansweredMax) {
      // A client of MQTT 5 was told how many there may be [MQTT-3.3.4-9].
      if (this.level !== 5 || (first & 6) === 0 || this.#fastPath.owed < limits.unansweredMax) return false;
      throw new FrameError('more publishes than its Receive Maximum', 'receive_maximum');
    }
    if (!this.gate.open) this.gate.wait(this);
    if (!this.gate.open) return false;
    const waitMs = this.#rate?.waitMs(this.gate.nowMs()) ?? 0;
    if (waitMs > 0) this.#timer = setTimeout(() => this.advance(), waitMs);
    return waitMs === 0;
  }

  #work(chunk: Buffer | null): void {
    try {
      if (chunk === null) this.#intake.advance();
      else this.#intake.receive(chunk);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#fastPath.flush();
      this.refuse(error.refusal, error.message);
    }
    this.flow();
    if (!this.destroyed && this.#intake.bytes > 0) this.gate.holds(this);
  }
}
