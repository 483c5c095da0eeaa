// The stream that aedes is given as that of a client: what it reads was let through to it, what it writes goes to the peer.
import { Duplex } from 'node:stream';

export abstract class AedesStream extends Duplex {
  /** False while aedes has enough to do. */
  protected wanted = true;

  constructor() {
    super();
    // aedes takes its own listeners off again when it is done with a connection.
    this.on('error', () => {});
  }

  abstract send(bytes: Buffer): void;
  /** aedes may have more, or has enough. */
  protected abstract flow(): void;
  /** The stream is destroyed; `error` is null at an orderly end. */
  protected abstract left(error: Error | null): void;

  protected toAedes(packet: Buffer): void {
    this.wanted = this.push(packet);
  }

  /** aedes reads once a turn and takes `read()` for everything there is; Node 26 answers with one chunk. */
  override read(size?: number | null): Buffer | null {
    return super.read(size ?? this.readableLength);
  }

  override _read(): void {
    this.wanted = true;
    this.flow();
  }

  override _writev(writes: { chunk: Buffer }[], callback: () => void): void {
    // Packets come in pieces, and no packet of ours may stand between them.
    this.send(Buffer.concat(writes.map((write) => write.chunk)));
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.left(error);
    callback(error);
  }
}
