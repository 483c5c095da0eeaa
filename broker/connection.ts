// One connection as others know it: where its client is and what that said of itself, what it is sent, and how it ends.
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Connect } from './connect-packet.ts';
import type { Refusal } from './frames.ts';
import type { Accepted, Gate } from './gate.ts';
import { Peer, type PeerOwner } from './peer.ts';
import { PlainSocket, type SocketOwner } from './plain-socket.ts';
import type { FiveSubscriptions } from './subscriptions-five.ts';
import * as five from './version-five.ts';
import * as four from './version-four.ts';

/** Emits `close` when it is destroyed. */
export abstract class Connection extends EventEmitter<{ close: [] }> implements PeerOwner, SocketOwner {
  /** Where the peer is; the socket's, or what a balancer says of it. */
  readonly address: string;
  /** What CONNECT said, once it has come; what it came with to be let in is forgotten when that is decided. */
  connect: Connect | null = null;
  /** What CONNECT said, or a name that nobody else has. */
  clientId = '';
  /** The protocol level in CONNECT; as long as that has not come, that of MQTT 3.1.1. */
  level = 4;
  /** Null: not accepted yet. */
  accepted: Accepted | null = null;
  /** True: no more is taken from it, nor sent to it. */
  destroyed = false;
  /** What the client's PUBACKs are for, or refuse (`isTaken` false); false: for nothing that was sent. */
  acknowledged: (packetId: number, isTaken: boolean) => boolean = () => false;
  /** Of a client that speaks MQTT 5 and has been accepted. */
  subscriptions: FiveSubscriptions | null = null;
  /** Where the broker's wheel has it. */
  slot = -1;
  protected readonly gate: Gate;
  protected readonly peer: Peer;

  constructor(source: Duplex, address: string, gate: Gate) {
    super();
    this.address = address;
    this.gate = gate;
    this.peer = new Peer(source, gate.limits, this);
    if (source instanceof PlainSocket) source.owner = this;
    else source.on('data', (chunk: Buffer) => this.receive(chunk));
    source.on('error', (error) => this.destroy(error));
    source.on('close', () => this.destroy());
  }

  get recentMs(): number {
    return this.gate.recentMs;
  }

  get isAccepted(): boolean {
    return this.accepted !== null;
  }

  /** See SocketOwner. */
  gone(): void {
    this.peer.gone();
  }

  /** Takes what has come; `chunk` is good until this returns. */
  abstract receive(chunk: Buffer): void;
  /** Lets go of what it holds. */
  protected abstract left(): void;
  /** How long it may be silent is another now. */
  abstract patienceChanged(): void;

  /** See Peer. */
  send(bytes: Buffer | string, taken?: () => void): void {
    this.peer.send(bytes, taken);
  }

  /** Closes the connection, with a word about the reason where the version has one [MQTT-4.8.0-1] [MQTT-4.13.1-1]. */
  refuse(refusal: Refusal, why: string): void {
    if (this.destroyed) return;
    this.gate.refused(refusal, why, this.connect?.clientId);
    const version = this.level === 5 ? five : four;
    const word = version.farewell(this.isAccepted, refusal);
    if (word !== null) this.peer.send(word);
    this.destroy(word === null ? new Error(why) : null);
  }

  /** Ends the connection: in order, or with an error at once. */
  destroy(error: Error | null = null): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.left();
    this.peer[error === null ? 'close' : 'destroy']();
    if (this.listenerCount('close') > 0) process.nextTick(() => this.emit('close'));
  }
}
