// One connection of the gateway to another broker: CONNECT, SUBSCRIBE, then what is delivered, until either side ends it.
//
//   connecting ──CONNACK──▶ subscribing ──SUBACK──▶ open ──close()──▶ leaving: what is being stored is acknowledged, DISCONNECT
//        └─────────────────────┴─ refused, silent, ended, against MQTT ─▶ ended: the gateway connects again
// While the journal is saturated, or too much is unanswered, nothing is read.
import type { Duplex } from 'node:stream';
import type { Clock } from '../shared/clock.ts';
import type { GatewayConfig } from '../shared/gateway-config.ts';
import type { Ingest } from '../shared/ingest.ts';
import { FrameError, type Header, PACKET } from './frames.ts';
import { Deliveries } from './gateway-deliveries.ts';
import * as packets from './gateway-packets.ts';
import { Intake, type IntakeOwner } from './intake.ts';
import { LIMITS } from './limits.ts';
import { Peer } from './peer.ts';

/** From the start of the connection to SUBACK. */
const OPEN_TIMEOUT_MS = 10_000;
const TICK_MS = 1_000;

export type SessionOwner = {
  /** Messages are delivered from now on; `isResumed`: the other broker has kept the session. */
  opened(isResumed: boolean): void;
  acknowledged(count: number): void;
  /** Called once. */
  ended(ended: packets.Ended): void;
};

export type SessionDependencies = { readonly ingest: Ingest; readonly clock: Clock };

export class GatewaySession implements IntakeOwner {
  readonly packetBytesMax = LIMITS.packetBytesMax;
  readonly #ingest: Ingest;
  readonly #clock: Clock;
  readonly #config: GatewayConfig;
  readonly #version: packets.Version;
  readonly #owner: SessionOwner;
  readonly #peer: Peer;
  readonly #deliveries: Deliveries;
  readonly #intake: Intake;
  readonly #timer: NodeJS.Timeout;
  readonly #beganAtMs: number;
  #phase: 'connecting' | 'subscribing' | 'open' | 'leaving' | 'ended' = 'connecting';
  #isResumed = false;
  #keepaliveMs = packets.KEEPALIVE_S * 1000;
  #pingedAtMs: number;
  #reliefAsked = false;
  readonly #left = Promise.withResolvers<void>();

  /** `socket` is connecting. */
  constructor(
    { ingest, clock }: SessionDependencies,
    socket: Duplex,
    config: GatewayConfig,
    version: packets.Version,
    owner: SessionOwner,
  ) {
    this.#ingest = ingest;
    this.#clock = clock;
    this.#config = config;
    this.#version = version;
    this.#owner = owner;
    this.#beganAtMs = this.#pingedAtMs = clock.monotonicMs();
    const own = {
      get recentMs() {
        return clock.monotonicMs();
      },
      patienceChanged: () => undefined,
    };
    this.#peer = new Peer(socket, LIMITS, own);
    this.#deliveries = new Deliveries(ingest, {
      hasProperties: version === 5,
      send: (bytes) => this.#peer.send(bytes),
      acknowledged: (count) => this.#acknowledged(count),
    });
    this.#intake = new Intake(this, this.#deliveries, packets.checkServersFirstByte);
    socket.on('error', (error) => this.#end(error.message || String((error as NodeJS.ErrnoException).code)));
    socket.on('close', () => this.#end('it closed the connection'));
    socket.on('end', () => this.#end('it closed the connection'));
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#peer.send(packets.connectBytes(config, version));
  }

  get destroyed(): boolean {
    return this.#phase === 'ended';
  }

  /** Takes nothing more; resolves when what is being stored has been acknowledged, or after `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#phase !== 'ended') this.#phase = 'leaving';
    const timer = setTimeout(() => this.#left.resolve(), timeoutMs);
    if (this.#deliveries.unanswered > 0) await this.#left.promise;
    clearTimeout(timer);
    if (this.destroyed) return;
    this.#peer.send(packets.DISCONNECT);
    this.#phase = 'ended';
    clearInterval(this.#timer);
    this.#peer.close();
  }

  mayPass(first: number): boolean {
    if (first >> 4 !== PACKET.publish) return true;
    if (this.#phase === 'connecting') throw new FrameError('PUBLISH before CONNACK [MQTT-3.2.0-1]');
    if (this.#phase === 'leaving') return false;
    if (this.#deliveries.unanswered >= packets.RECEIVE_MAX) return false;
    const { writer } = this.#ingest;
    if (!writer.saturated) return true;
    if (!this.#reliefAsked) {
      this.#reliefAsked = true;
      writer.onRelief(() => this.#relieve());
    }
    return !writer.saturated;
  }

  takePacket(bytes: Buffer, at: number, header: Header): void {
    switch (header.type) {
      case PACKET.publish:
        return this.#deliveries.publish(bytes, header);
      case PACKET.pubrel:
        return this.#deliveries.release(bytes, header);
      case PACKET.connack:
        return this.#welcome(packets.readWelcome(bytes.subarray(at, header.end), this.#version));
      case PACKET.suback:
        return this.#granted(packets.readGrant(bytes.subarray(at, header.end), this.#version, this.#config));
      case PACKET.disconnect:
        return this.#farewell(packets.readFarewell(bytes.subarray(at, header.end)));
    }
  }

  #welcome({ refused, isResumed, keepaliveS, isSharing }: packets.Welcome): void {
    if (this.#phase !== 'connecting') throw new FrameError('a second CONNACK');
    if (refused !== null) return this.#end(refused.why, refused);
    const isInVain = !isSharing && this.#config.group !== null;
    if (isInVain) return this.#end(packets.refusedFilter(this.#config), { isRefused: true });
    this.#phase = 'subscribing';
    this.#isResumed = isResumed;
    this.#keepaliveMs = keepaliveS * 1000;
    // Also in a session that has the subscription already: it may be another one than is configured now.
    this.#peer.send(packets.subscribeBytes(this.#config, this.#version));
    if (isResumed) this.#peer.send(packets.unsubscribeBytes(this.#config, this.#version));
  }

  #granted(grant: number | string): void {
    if (typeof grant === 'string') return this.#end(grant, { isRefused: true });
    if (grant === 0) return this.#end('it grants QoS 0 only, so that events would be lost', { isRefused: true });
    if (this.#phase !== 'subscribing') return;
    this.#phase = 'open';
    this.#owner.opened(this.#isResumed);
  }

  #farewell({ why, isRefused }: Pick<packets.Ended, 'why' | 'isRefused'>): void {
    this.#end(why, { isRefused });
  }

  #receive(chunk: Buffer): void {
    this.#peer.heard();
    if (!this.destroyed) this.#work(() => this.#intake.receive(chunk));
  }

  #work(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#end(`what it sends is not MQTT: ${error.message}`);
    }
    if (!this.destroyed) this.#peer.flow(!this.#intake.isBarred);
  }

  #advance(): void {
    if (!this.destroyed && this.#intake.isBarred) this.#work(() => this.#intake.advance());
  }

  #relieve(): void {
    this.#reliefAsked = false;
    this.#advance();
  }

  #acknowledged(count: number): void {
    if (!this.destroyed) this.#owner.acknowledged(count);
    if (this.#phase === 'leaving' && this.#deliveries.unanswered === 0) this.#left.resolve();
    this.#advance();
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    const silentMs = this.#peer.silentMs(nowMs);
    const isOpening = this.#phase === 'connecting' || this.#phase === 'subscribing';
    if (isOpening && nowMs - this.#beganAtMs > OPEN_TIMEOUT_MS) return this.#end('it does not answer');
    if (this.#peer.isClogged && silentMs > LIMITS.drainTimeoutMs) return this.#end('it takes no acknowledgements');
    // It is not its silence while nothing is read from it.
    if (this.#peer.isRead && silentMs > 1.5 * this.#keepaliveMs) return this.#end('it has fallen silent');
    if (isOpening || nowMs - this.#pingedAtMs < this.#keepaliveMs / 2) return;
    this.#pingedAtMs = nowMs;
    this.#peer.send(packets.PINGREQ);
  }

  #end(why: string, { isRefused = false, isVersion = false } = {}): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    clearInterval(this.#timer);
    this.#intake.clear();
    this.#peer.destroy();
    this.#left.resolve();
    this.#owner.ended({ why, isRefused, isVersion });
  }
}
