// Readers of retained topics: each gets the newest of every topic it may see, at its own pace; nothing is queued for it but ids.
//
//   board ──ids that changed──▶ reader: pending ids ──some, with what they say now──▶ socket ──taken──▶ the next
//   subscribed ──all that match──┘ (retained)         └─ an id that changes meanwhile is pending once
import type { NoticeBoard } from '../shared/notices.ts';
import type { Guard } from './guard.ts';
import { encodePublish } from './publish-frame.ts';
import type { Publisher, Subscribed } from './subscriptions.ts';
import { idInFilter, type Readable, topicOf } from './topics.ts';

/** Written to a reader at once; more only when that has been taken. */
const BATCH_BYTES = 8 * 1024;
/** Between looks whether the floor plan shows confined readers something else. */
const LOOK_MS = 1_000;

/** Why an id is pending: the client has just subscribed, it has changed, or it may be seen no more or at last. */
type Reason = 'retained' | 'changed' | 'looked at';

type Reader = {
  readonly guard: Guard;
  readonly subscribed: Map<string, Subscribed>;
  readonly pending: Map<string, Reason>;
  /** Ids of what it has, of a confined reader; null: it sees all. */
  readonly shown: Set<string> | null;
  readonly closed: () => void;
  isWriting: boolean;
};

export class Readers implements Publisher {
  readonly #what: Readable;
  readonly #board: NoticeBoard;
  /** Grows with the floor plan. */
  readonly #version: () => number;
  readonly #readers = new Map<Guard, Reader>();
  #unfollow: (() => void) | null = null;
  #timer: NodeJS.Timeout | undefined;
  #seen = 0;

  constructor(what: Readable, board: NoticeBoard, version: () => number) {
    this.#what = what;
    this.#board = board;
    this.#version = version;
  }

  subscribed(subscribed: Subscribed): void {
    const { guard, filter } = subscribed;
    const asked = idInFilter(this.#what, filter);
    if (asked === null || guard.destroyed) return;
    const reader = this.#readers.get(guard) ?? this.#begin(subscribed);
    reader.subscribed.set(filter, subscribed);
    // Also where it was subscribed to before [MQTT-3.8.4-3].
    for (const id of asked === '+' ? this.#board.ids() : [asked]) reader.pending.set(id, 'retained');
    this.#write(reader);
  }

  unsubscribed(guard: Guard, filter: string): void {
    const reader = this.#readers.get(guard);
    reader?.subscribed.delete(filter);
    if (reader?.subscribed.size === 0) this.#end(guard);
  }

  #begin({ guard, isConfined }: Subscribed): Reader {
    const shown = isConfined ? new Set<string>() : null;
    const closed = () => this.#end(guard);
    const reader: Reader = { guard, subscribed: new Map(), pending: new Map(), shown, closed, isWriting: false };
    this.#readers.set(guard, reader);
    guard.once('close', closed);
    this.#unfollow ??= this.#board.follow((ids, isFirst) => this.#changed(ids, isFirst ? 'retained' : 'changed'));
    this.#timer ??= setInterval(() => this.#lookAgain(), LOOK_MS).unref();
    return reader;
  }

  #end(guard: Guard): void {
    const reader = this.#readers.get(guard);
    if (reader !== undefined) guard.off('close', reader.closed);
    this.#readers.delete(guard);
    if (this.#readers.size > 0) return;
    this.#unfollow?.();
    this.#unfollow = null;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #changed(ids: readonly string[], reason: Reason): void {
    for (const reader of this.#readers.values()) {
      for (const id of ids) if (this.#subscriptionTo(reader, id) !== undefined) this.#add(reader, id, reason);
      this.#write(reader);
    }
  }

  #lookAgain(): void {
    const version = this.#version();
    if (version === this.#seen) return;
    this.#seen = version;
    for (const reader of this.#readers.values()) {
      if (reader.shown === null) continue;
      for (const id of new Set([...this.#board.ids(), ...reader.shown])) {
        if (this.#subscriptionTo(reader, id) !== undefined) this.#add(reader, id, 'looked at');
      }
      this.#write(reader);
    }
  }

  #add({ pending }: Reader, id: string, reason: Reason): void {
    const before = pending.get(id);
    if (before === undefined || before === 'looked at') pending.set(id, reason);
  }

  #subscriptionTo({ subscribed }: Reader, id: string): Subscribed | undefined {
    for (const [filter, one] of subscribed) {
      const asked = idInFilter(this.#what, filter);
      if (asked === '+' || asked === id) return one;
    }
    return undefined;
  }

  #write(reader: Reader): void {
    const { guard, pending } = reader;
    if (reader.isWriting || guard.destroyed) return;
    const frames: Buffer[] = [];
    let bytes = 0;
    for (const [id, reason] of pending) {
      pending.delete(id);
      const frame = this.#frame(reader, id, reason);
      // [MQTT-3.1.2-24]
      if (frame === null || frame.length > (guard.connect?.packetBytesMax ?? Infinity)) continue;
      frames.push(frame);
      bytes += frame.length;
      if (bytes >= BATCH_BYTES) break;
    }
    if (bytes === 0) return;
    reader.isWriting = true;
    guard.send(Buffer.concat(frames), () => {
      reader.isWriting = false;
      this.#write(reader);
    });
  }

  /** Null: there is nothing to tell. An empty payload takes away what was there. */
  #frame(reader: Reader, id: string, reason: Reason): Buffer | null {
    const { shown } = reader;
    const maySee = this.#subscriptionTo(reader, id)?.mayRead(this.#what, id) === true;
    const payload = maySee ? (this.#board.payloadOf(id) ?? '') : '';
    const wasShown = shown?.has(id) === true;
    if (shown !== null && payload !== '') shown.add(id);
    else shown?.delete(id);
    const isRetained = reason === 'retained';
    if (payload === '') {
      const isTakenAway = shown === null ? !isRetained : wasShown;
      if (!isTakenAway) return null;
    } else if (reason === 'looked at' && wasShown) return null;
    const publication = { topic: topicOf(this.#what, id), payload, isRetained, packetId: null };
    return encodePublish(publication, reader.guard.connect?.level);
  }
}
