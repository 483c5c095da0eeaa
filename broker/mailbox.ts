// What one client is sent with QoS 1: packet identifiers, and who waits for which PUBACK. aedes sends it nothing of that kind.
import type { Guard } from './guard.ts';
import { encodePublish } from './publish-frame.ts';

const PACKET_ID_MAX = 65_535;

export class Mailbox {
  readonly #guard: Guard;
  readonly #waiting = new Map<number, (isAcknowledged: boolean) => void>();
  #lastId = 0;
  /** A client of MQTT 5 says how many it takes at once, at least one [MQTT-3.3.4-9]: it has one. */
  #before: Promise<unknown> = Promise.resolve();

  constructor(guard: Guard) {
    this.#guard = guard;
    guard.acknowledged = (packetId, isTaken) => this.#settle(packetId, isTaken);
    guard.once('close', () => {
      for (const packetId of [...this.#waiting.keys()]) this.#settle(packetId, false);
    });
  }

  /** Resolves with true once the client has taken it; with false when it refuses, its connection ends, or it is too long. */
  deliver(topic: string, payload: string): Promise<boolean> {
    const level = this.#guard.connect?.level ?? 4;
    if (level < 5) return this.#send(topic, payload, level);
    const delivered = this.#before.then(() => this.#send(topic, payload, level));
    this.#before = delivered;
    return delivered;
  }

  #send(topic: string, payload: string, level: number): Promise<boolean> {
    if (this.#guard.destroyed) return Promise.resolve(false);
    const packetId = this.#freeId();
    const frame = encodePublish({ topic, payload, isRetained: false, packetId }, level);
    // [MQTT-3.1.2-24]
    if (frame.length > (this.#guard.connect?.packetBytesMax ?? Infinity)) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waiting.set(packetId, resolve);
      this.#guard.send(frame);
    });
  }

  /** Not one that is in use [MQTT-2.3.1-2]. */
  #freeId(): number {
    do this.#lastId = (this.#lastId % PACKET_ID_MAX) + 1;
    while (this.#waiting.has(this.#lastId));
    return this.#lastId;
  }

  /** False: nothing waits for it. */
  #settle(packetId: number, isAcknowledged: boolean): boolean {
    this.#waiting.get(packetId)?.(isAcknowledged);
    return this.#waiting.delete(packetId);
  }
}
