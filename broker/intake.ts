// The intake of one connection: cuts its stream into packets, and keeps what is incomplete or has to wait.
//
//   bytes ──▶ first byte: may it be sent? may it pass now? ──▶ length: is it too long? ──▶ whole ──▶ taken
//                           └─ no: closed       └─ no: barred          └─ PUBLISH: skipped; any other: closed
import { checkFirstByte, FrameError, type Header, PACKET, readHeader } from './frames.ts';
import { Leftover } from './leftover.ts';

/** What an intake asks of its connection. */
export type IntakeOwner = {
  /** Remaining bytes of the next packet. */
  readonly packetBytesMax: number;
  /** Of a packet that begins with `first`; false: it waits, until `advance`. Throws FrameError for what must not come now. */
  mayPass(first: number): boolean;
  /** Takes the packet that `header` describes and that begins at `at`. */
  takePacket(bytes: Buffer, at: number, header: Header): void;
  /** True: no more is to be taken. */
  readonly destroyed: boolean;
};

/** Who passes over the bodies of publishes that are too long. */
export type Skipper = {
  readonly isSkipping: boolean;
  /** Begins with the publish that `header` describes; answers where to go on, and 0 while too little of it has come. */
  beginSkipping(bytes: Buffer, header: Header): number;
  /** Answers how much of `bytes` belongs to what is passed over. */
  skip(bytes: Buffer): number;
};

const NOTHING = Buffer.alloc(0);
/** Read into again for each packet. */
const header: Header = { type: 0, flags: 0, bodyAt: 0, end: 0 };

export class Intake {
  readonly #owner: IntakeOwner;
  readonly #skipper: Skipper;
  readonly #checkFirst: (first: number) => void;
  /** Null: nothing is kept. */
  #leftover: Leftover | null = null;
  #barred = false;

  /** `checkFirst` throws FrameError unless the other side may send a packet that begins so; by default that is a client. */
  constructor(owner: IntakeOwner, skipper: Skipper, checkFirst: (first: number) => void = checkFirstByte) {
    this.#owner = owner;
    this.#skipper = skipper;
    this.#checkFirst = checkFirst;
  }

  /** True while a packet has to wait. */
  get isBarred(): boolean {
    return this.#barred;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#leftover?.bytes ?? 0;
  }

  /** Takes the packets in `chunk`, which goes on where the one before ended. Throws FrameError. */
  receive(chunk: Buffer): void {
    const bytes = this.#leftover?.join(chunk) ?? chunk;
    let at = 0;
    this.#barred = false;
    while (at < bytes.length && !this.#owner.destroyed) {
      const next = this.#skipper.isSkipping ? at + this.#skipper.skip(bytes.subarray(at)) : this.#packet(bytes, at);
      if (next === at) break;
      at = next;
    }
    if (at < bytes.length) this.#leftover ??= new Leftover();
    else this.#leftover = null;
    this.#leftover?.keep(bytes, at);
  }

  /** Looks again whether what waits may pass. Throws FrameError. */
  advance(): void {
    if (this.#barred) this.receive(NOTHING);
  }

  clear(): void {
    this.#leftover = null;
  }

  /** Takes the packet at `at`; answers where the next one begins, or `at` when it is incomplete or has to wait. */
  #packet(bytes: Buffer, at: number): number {
    const first = bytes[at] as number;
    const type = first >> 4;
    this.#barred = !this.#owner.mayPass(first);
    if (this.#barred) return at;
    this.#checkFirst(first);
    if (!readHeader(bytes, at, header)) return at;
    const { bodyAt, end } = header;
    if (end - bodyAt > this.#owner.packetBytesMax) {
      if (type === PACKET.publish) return this.#skipper.beginSkipping(bytes, header) || at;
      throw new FrameError(`packet ${type} of ${end - bodyAt} bytes`, 'packet_too_large');
    }
    if (end > bytes.length) return at;
    this.#owner.takePacket(bytes, at, header);
    return end;
  }
}
