// A timing wheel (Varghese and Lauck, 1987): what is to be looked at again after a while waits in the slot of its time, so that a
// hundred thousand who wait cost nothing. One who is to be looked at later than the wheel reaches is asked in between; whoever is
// to be looked at sooner than was said is taken out and put in again.

/** How finely time is measured. */
export const SLOT_MS = 250;
/** How far the wheel reaches: 128 s, more than the 90 s of silence that the common keepalive of a minute allows. */
const SLOTS = 512;

/** Knows its slot, so that it can be taken out at once; -1: it is in none. */
export type Waiting = { slot: number };

export class Wheel<Member extends Waiting> {
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Member>());
  readonly #look: (member: Member) => number | null;
  #at = 0;
  #turnedAtMs: number;

  /** `look` answers after how many milliseconds the member is to be looked at again; null: never. */
  constructor(nowMs: number, look: (member: Member) => number | null) {
    this.#turnedAtMs = nowMs;
    this.#look = look;
  }

  add(member: Member, afterMs: number): void {
    const slots = Math.min(Math.max(Math.ceil(afterMs / SLOT_MS), 1), SLOTS - 1);
    member.slot = (this.#at + slots) % SLOTS;
    this.#slots[member.slot]?.add(member);
  }

  delete(member: Member): void {
    this.#slots[member.slot]?.delete(member);
    member.slot = -1;
  }

  /** Looks at all whose time has come. */
  turn(nowMs: number): void {
    for (; this.#turnedAtMs + SLOT_MS <= nowMs; this.#turnedAtMs += SLOT_MS) {
      this.#at = (this.#at + 1) % SLOTS;
      const slot = this.#slots[this.#at] as Set<Member>;
      for (const member of slot) {
        slot.delete(member);
        member.slot = -1;
        const afterMs = this.#look(member);
        if (afterMs !== null) this.add(member, afterMs);
      }
    }
  }
}
