// The beginning of a packet whose end has not come yet; however small the pieces, no byte is copied more than a few times.

export class Leftover {
  #room: Buffer | null = null;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#room === null;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What is kept, followed by `chunk`; valid until the next call. */
  join(chunk: Buffer): Buffer {
    const room = this.#room;
    if (room === null) return chunk;
    const bytes = this.#bytes + chunk.length;
    if (bytes > room.length) {
      this.#room = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * room.length));
      room.copy(this.#room, 0, 0, this.#bytes);
    }
    const joined = this.#room as Buffer;
    chunk.copy(joined, this.#bytes);
    this.#bytes = bytes;
    return joined.subarray(0, bytes);
  }

  /** Keeps what `joined` holds from `at` on. */
  keep(joined: Buffer, at: number): void {
    this.#bytes = joined.length - at;
    if (this.#bytes === 0) this.#room = null;
    // It is the chunk itself, which is read into again.
    else if (this.#room === null) {
      this.#room = Buffer.allocUnsafeSlow(this.#bytes);
      joined.copy(this.#room, 0, at);
    }
    // With nothing taken off its front, it is what `join` has put together.
    else if (at > 0) this.#room = joined.subarray(at);
  }

  clear(): void {
    this.#room = null;
    this.#bytes = 0;
  }
}
