// Verdicts: what the live group found out about the events of an entry, for the history group, which reads the same entry later.
//
// Nearly every event is new and stands in its first slot; only the others are told, so most entries need no verdict at all.
import type { Verdict } from './ring.ts';

/** Index of the event in its entry, then its slot, or -1 for a duplicate, -2 for one that must be looked up. */
type Exception = readonly [index: number, verdict: number];

const DUPLICATE = -1;
const OLD = -2;

export class EntryVerdicts {
  readonly #exceptions = new Map<number, Map<number, number>>();

  /** `usualSlot`: what the event would have had with nobody else in its millisecond. */
  add(position: number, index: number, verdict: Verdict, usualSlot: number): void {
    const code = verdict.kind === 'new' ? verdict.slot : verdict.kind === 'duplicate' ? DUPLICATE : OLD;
    if (code === usualSlot) return;
    const ofEntry = this.#exceptions.get(position) ?? new Map<number, number>();
    this.#exceptions.set(position, ofEntry.set(index, code));
  }

  /** The verdict of an event; without an exception it is new, in its usual slot. */
  of(position: number, index: number, usualSlot: number): Verdict {
    const code = this.#exceptions.get(position)?.get(index) ?? usualSlot;
    if (code === DUPLICATE) return { kind: 'duplicate' };
    return code === OLD ? { kind: 'old' } : { kind: 'new', slot: code };
  }

  /** Score and member for the sorted set, one entry after the other. */
  members(): string[] {
    return [...this.#exceptions].flatMap(([position, exceptions]) => {
      return [String(position), JSON.stringify({ position, exceptions: [...exceptions] })];
    });
  }

  static fromMembers(members: readonly string[]): EntryVerdicts {
    const verdicts = new EntryVerdicts();
    for (const member of members) {
      const { position, exceptions } = JSON.parse(member) as { position: number; exceptions: Exception[] };
      verdicts.#exceptions.set(position, new Map(exceptions));
    }
    return verdicts;
  }
}
