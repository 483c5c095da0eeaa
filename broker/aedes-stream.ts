// The stream that aedes is given as that of a client: a connection that was accepted before aedes saw it, and now asks for what
// is aedes' to answer. aedes gets a CONNECT of its own, whose CONNACK goes nowhere, and then what the guard lets through.
//
//   guard ──packets──▶ waiting ──once aedes has taken the CONNECT──▶ aedes ──answers──▶ guard
import { Duplex } from 'node:stream';
import { generate } from 'mqtt-packet';
import type { Guard } from './guard.ts';

/** Of MQTT 3.1 and 3.1.1 (3.2). */
const CONNACK_BYTES = 4;

export class AedesStream extends Duplex {
  readonly guard: Guard;
  /** Null: aedes is ready. */
  #waiting: Buffer[] | null = [];
  #connackBytes = CONNACK_BYTES;
  #isFull = false;
  #isOver = false;

  constructor(guard: Guard) {
    super();
    this.guard = guard;
    // aedes takes its own listeners off again when it is done with a connection.
    this.on('error', () => {});
    const { clientId, level } = guard;
    const protocolId = level === 3 ? 'MQIsdp' : 'MQTT';
    const protocolVersion = level === 3 ? 3 : 4;
    // No session, no will, no time-out: all that is the guard's.
    this.push(generate({ cmd: 'connect', protocolId, protocolVersion, clientId, clean: true, keepalive: 0 }));
  }

  /** False while aedes has enough to do. */
  get wanted(): boolean {
    return this.#waiting === null && !this.#isFull;
  }

  /** What aedes is to answer. */
  deliver(packet: Buffer): void {
    if (this.#waiting !== null) this.#waiting.push(packet);
    else this.#isFull = !this.push(packet);
  }

  /** aedes has taken the CONNECT. */
  ready(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    if (this.#isOver) return void this.destroy();
    for (const packet of waiting) this.deliver(packet);
    this.guard.flow();
  }

  /** The connection is over. A client that goes while aedes takes its CONNECT would stay among its clients for ever. */
  leave(): void {
    this.#isOver = true;
    if (this.#waiting === null) this.destroy();
    else this.#waiting = [];
  }

  /** aedes reads once a turn and takes `read()` for everything there is; Node 26 answers with one chunk. */
  override read(size?: number | null): Buffer | null {
    return super.read(size ?? this.readableLength);
  }

  override _read(): void {
    this.#isFull = false;
    this.guard.flow();
  }

  override _writev(writes: { chunk: Buffer }[], callback: () => void): void {
    // Packets come in pieces, and no packet of ours may stand between them.
    const bytes = Buffer.concat(writes.map((write) => write.chunk));
    const passed = Math.min(this.#connackBytes, bytes.length);
    this.#connackBytes -= passed;
    if (passed < bytes.length && !this.#isOver) this.guard.send(bytes.subarray(passed));
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.guard.destroy(error);
    callback(error);
  }
}
