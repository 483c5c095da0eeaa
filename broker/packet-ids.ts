// The packet identifiers of QoS 2 publishes that have been taken and not yet been released, a bit each. Pure.
import { PACKET_IDS } from './answers.ts';

export class PacketIds {
  /** Null: there never was one; most connections have none. */
  #bits: Uint8Array | null = null;

  /** True when it was there already: the publish comes a second time. */
  add(id: number): boolean {
    this.#bits ??= new Uint8Array(PACKET_IDS / 8);
    const [bits, bit] = [this.#bits[id >> 3] as number, 1 << (id & 7)];
    this.#bits[id >> 3] = bits | bit;
    return (bits & bit) !== 0;
  }

  /** True when it was there. */
  delete(id: number): boolean {
    if (this.#bits === null) return false;
    const [bits, bit] = [this.#bits[id >> 3] as number, 1 << (id & 7)];
    this.#bits[id >> 3] = bits & ~bit;
    return (bits & bit) !== 0;
  }
}
