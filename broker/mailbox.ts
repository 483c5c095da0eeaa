// What one client is sent with QoS 1: packet identifiers, and who waits for which PUBACK. aedes sends it nothing of that kind.
import type { Guard } from './guard.ts';
import { encodePublish } from './publish-frame.ts';

const PACKET_ID_MAX = 65_535;

export class Mailbox {
  readonly #guard: Guard;
  readonly #waiting = new Map<number, (isAcknowledged: boolean) => void>();
  #lastId = 0;

  constructor(guard: Guard) {
    this.#guard = guard;
    guard.acknowledged = (packetId) => this.#settle(packetId, true);
    guard.once('close', () => {
      for (const packetId of [...this.#waiting.keys()]) this.#settle(packetId, false);
    });
  }

  /** Resolves with true once the client has acknowledged it, with false when the connection ends before. */
  deliver(topic: string, payload: string): Promise<boolean> {
    if (this.#guard.destroyed) return Promise.resolve(false);
    const packetId = this.#freeId();
    return new Promise((resolve) => {
      this.#waiting.set(packetId, resolve);
      this.#guard.send(encodePublish({ topic, payload, isRetained: false, packetId }));
    });
  }

  /** Not one that is in use [MQTT-2.3.1-2]. */
  #freeId(): number {
    do this.#lastId = (this.#lastId % PACKET_ID_MAX) + 1;
    while (this.#waiting.has(this.#lastId));
    return this.#lastId;
  }

  #settle(packetId: number, isAcknowledged: boolean): void {
    const resolve = this.#waiting.get(packetId);
    this.#waiting.delete(packetId);
    resolve?.(isAcknowledged);
  }
}
