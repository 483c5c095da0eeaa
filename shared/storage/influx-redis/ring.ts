// The ring of a DPU: its newest events, by which a duplicate is known without asking history.
//
// It holds the RING_EVENTS largest timestamps of the DPU, so it is exact: what is later than its oldest and not in it is
// new, what is in it is a duplicate. Only what is no later than the oldest of a full ring must be looked up in history.
// A ring depends on the journal alone, never on how its entries were read together.
import type { Event } from '../../event.ts';

/** Devices send in order but for a few; a ring of 32 takes some 300 bytes. */
export const RING_EVENTS = 32;

/** What an event is to what is stored: `slot` tells events of one DPU and millisecond apart. */
export type Verdict = { readonly kind: 'new'; readonly slot: number } | { readonly kind: 'duplicate' | 'old' };

export type RingEvent = Pick<Event, 'timestampMs' | 'direction' | 'epoch' | 'seq'> & { readonly slot: number };

const DUPLICATE: Verdict = { kind: 'duplicate' };
const OLD: Verdict = { kind: 'old' };

/** Direction in the lowest bit, whether epoch and seq follow in the next. */
const FORWARD = 1;
const TAGGED = 2;
const ABSENT = -1;

export class Ring {
  /** In order of their timestamps; never changed, only replaced, so that a copy of the ring is cheap. */
  #events: readonly RingEvent[];

  readonly #size: number;

  /** Holds `size` events. */
  constructor(size = RING_EVENTS, events: readonly RingEvent[] = []) {
    this.#size = size;
    this.#events = events;
  }

  copy(): Ring {
    return new Ring(this.#size, this.#events);
  }

  /** Judges `event` and, when it is new, takes it in. */
  take(event: Event): Verdict {
    const events = this.#events;
    const oldest = events[0];
    if (oldest !== undefined && events.length === this.#size && event.timestampMs <= oldest.timestampMs) {
      return events.some((known) => isSame(known, event)) ? DUPLICATE : OLD;
    }
    let at = events.length;
    while (at > 0 && (events[at - 1] as RingEvent).timestampMs > event.timestampMs) at -= 1;
    const taken: number[] = [];
    for (let before = at - 1; before >= 0; before--) {
      const known = events[before] as RingEvent;
      if (known.timestampMs !== event.timestampMs) break;
      if (isSame(known, event)) return DUPLICATE;
      taken.push(known.slot);
    }
    const { timestampMs, direction, epoch, seq } = event;
    const slot = freeSlot(event, taken);
    const kept = events.length === this.#size ? 1 : 0;
    this.#events = [...events.slice(kept, at), { timestampMs, direction, epoch, seq, slot }, ...events.slice(at)];
    return { kind: 'new', slot };
  }

  /** timestampMs (f64), flags (u8), slot (u16) and, when tagged, epoch and seq (f64 each, -1 absent), an event after the other. */
  pack(): Buffer {
    const bytes = this.#events.reduce((sum, event) => sum + (isTagged(event) ? 27 : 11), 0);
    const packed = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (const event of this.#events) {
      at = packed.writeDoubleLE(event.timestampMs, at);
      at = packed.writeUInt8((event.direction === 1 ? FORWARD : 0) | (isTagged(event) ? TAGGED : 0), at);
      at = packed.writeUInt16LE(event.slot, at);
      if (!isTagged(event)) continue;
      at = packed.writeDoubleLE(event.epoch ?? ABSENT, at);
      at = packed.writeDoubleLE(event.seq ?? ABSENT, at);
    }
    return packed;
  }

  static unpack(packed: Buffer, size = RING_EVENTS): Ring {
    const events: RingEvent[] = [];
    for (let at = 0; at < packed.length; ) {
      const flags = packed.readUInt8(at + 8);
      const tagged = (flags & TAGGED) !== 0;
      events.push({
        timestampMs: packed.readDoubleLE(at),
        direction: (flags & FORWARD) !== 0 ? 1 : -1,
        slot: packed.readUInt16LE(at + 9),
        epoch: tagged ? orNull(packed.readDoubleLE(at + 11)) : null,
        seq: tagged ? orNull(packed.readDoubleLE(at + 19)) : null,
      });
      at += tagged ? 27 : 11;
    }
    return new Ring(size, events);
  }
}

/** True when both are the same event of one DPU. */
export function isSame(one: Omit<RingEvent, 'slot'>, other: Omit<RingEvent, 'slot'>): boolean {
  return (
    one.timestampMs === other.timestampMs &&
    one.direction === other.direction &&
    one.epoch === other.epoch &&
    one.seq === other.seq
  );
}

/** Even for +1 and odd for -1, so that the slot tells the direction; the first that is not `taken`. */
export function freeSlot(event: Pick<Event, 'direction'>, taken: readonly number[]): number {
  let slot = event.direction === 1 ? 0 : 1;
  while (taken.includes(slot)) slot += 2;
  return slot;
}

function isTagged(event: RingEvent): boolean {
  return event.epoch !== null || event.seq !== null;
}

function orNull(value: number): number | null {
  return value === ABSENT ? null : value;
}
