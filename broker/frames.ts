// Frames: where MQTT control packets begin and end in a stream of bytes, found from their fixed headers without copying.
//
//   frame = first byte (type, flags), remaining length (1 to 4 bytes, 7 bits each, low ones first), remaining bytes

/** Packet types: the upper half of a frame's first byte (MQTT 3.1.1, table 2.1). */
export const PACKET = { connect: 1, publish: 3, puback: 4, pubrec: 5, disconnect: 14 } as const;

/** The bytes cannot be, or are not allowed to be, what comes next: the connection must be closed [MQTT-4.8.0-1]. */
export class FrameError extends Error {}

/** What is done with frames as they come; methods may throw FrameError. */
export type FrameVisitor = {
  /** Only the type of the next frame is known. False: scanning stops before it. */
  begins(type: number): boolean;
  /** The number of bytes that follow the fixed header is known; none of them has been looked at. */
  sized(type: number, remainingBytes: number): void;
  ends(type: number): void;
};

/** Above this shift a remaining length would have a fifth byte (MQTT 3.1.1, 2.2.3). */
const LENGTH_SHIFT_MAX = 21;

/** Remembers where in a frame the bytes seen so far end, in four numbers however long the frame is. */
export class FrameScanner {
  #part: 'first' | 'length' | 'rest' = 'first';
  #type = 0;
  #shift = 0;
  /** While the length is read what it comes to so far, then what is left of the frame. */
  #remaining = 0;

  /** Walks through `chunk`, which continues where the one before was stopped; answers how many bytes were walked through. */
  scan(chunk: Uint8Array, visitor: FrameVisitor): number {
    let at = 0;
    while (at < chunk.length) {
      if (this.#part === 'first') {
        const type = (chunk[at] as number) >> 4;
        if (!visitor.begins(type)) break;
        this.#type = type;
        this.#shift = 0;
        this.#remaining = 0;
        this.#part = 'length';
        at += 1;
      } else if (this.#part === 'length') {
        this.#length(chunk[at] as number, visitor);
        at += 1;
      } else {
        const bytes = Math.min(this.#remaining, chunk.length - at);
        this.#remaining -= bytes;
        at += bytes;
        this.#endIfComplete(visitor);
      }
    }
    return at;
  }

  #length(byte: number, visitor: FrameVisitor): void {
    this.#remaining += (byte & 0x7f) << this.#shift;
    this.#shift += 7;
    if ((byte & 0x80) !== 0) {
      // The fourth byte must be the last one; what comes next need not be waited for.
      if (this.#shift > LENGTH_SHIFT_MAX) throw new FrameError('remaining length of more than four bytes');
      return;
    }
    visitor.sized(this.#type, this.#remaining);
    this.#part = 'rest';
    this.#endIfComplete(visitor);
  }

  #endIfComplete(visitor: FrameVisitor): void {
    if (this.#remaining > 0) return;
    this.#part = 'first';
    visitor.ends(this.#type);
  }
}
