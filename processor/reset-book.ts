// The resets that have come due: where live counts start, until when an event counts, and what changes when one comes due or is entered.
import type { Fact } from '../shared/fact.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import type { SpaceId } from '../shared/ids.ts';
import { nextResetMs, type ResetPlan } from '../shared/reset.ts';
import { type DueResets, dueResetAt, resetShifts } from '../shared/reset-shift.ts';
import type { LiveStart, Progress, RecordedShift, ResetMove } from '../shared/storage/history.ts';
import { startMs } from '../shared/versions.ts';

const NEVER_MS = Number.POSITIVE_INFINITY;

export class ResetBook {
  readonly #plan: Floorplan;
  #dueMs: number;
  /** No event is older. */
  #oldestMs: number;
  /** When the next reset of each space comes due; spaces without any are left out. */
  readonly #nextOf = new Map<SpaceId, number>();
  #nextMs = NEVER_MS;
  /** The last answers of `endMs`: of each space a span in which the answer is the same. */
  readonly #ends = new Map<SpaceId, { readonly fromMs: number; readonly endMs: number }>();

  /** `dueMs`: up to when resets are in every count. `plan` may change by `take` only. */
  constructor(plan: Floorplan, { dueMs, oldestMs }: Pick<Progress, 'dueMs' | 'oldestMs'>) {
    this.#plan = plan;
    this.#dueMs = dueMs;
    this.#oldestMs = oldestMs ?? NEVER_MS;
    for (const spaceId of plan.spaces.keys()) this.#lookAhead(spaceId);
    this.#nextMs = Math.min(...this.#nextOf.values(), NEVER_MS);
  }

  /** When the next reset comes due; infinity when none will. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** Up to when resets are in every count. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** For a store that never said up to when: everything until now has come due, and nothing is known to have changed by it. */
  begin(nowMs: number): ResetMove {
    const spaces = [...this.#nextOf.keys()];
    this.#dueMs = nowMs;
    for (const spaceId of spaces) this.#lookAhead(spaceId);
    this.#nextMs = Math.min(...this.#nextOf.values(), NEVER_MS);
    return { dueMs: nowMs, starts: spaces.map((spaceId) => this.#startOf(spaceId)), shifts: [] };
  }

  /** An event at `atMs` counts before this instant: the first reset at or after it of those that have come due; null: still. */
  endMs(spaceId: SpaceId, atMs: number): number | null {
    const known = this.#ends.get(spaceId);
    if (known !== undefined && known.fromMs < atMs && atMs <= known.endMs) return finite(known.endMs);
    const start = dueResetAt(this.#due, spaceId, atMs);
    if (start?.atMs === atMs) return atMs;
    const next = nextResetMs(this.#plan, spaceId, atMs - 1) ?? NEVER_MS;
    const endMs = next <= this.#dueMs ? next : NEVER_MS;
    this.#ends.set(spaceId, { fromMs: start?.atMs ?? Number.NEGATIVE_INFINITY, endMs });
    return finite(endMs);
  }

  eventsStored(events: readonly { readonly timestampMs: number }[]): void {
    for (const { timestampMs } of events) if (timestampMs < this.#oldestMs) this.#oldestMs = timestampMs;
  }

  /** Lets every reset come due that is at or before `nowMs`; null when there is none. */
  advance(nowMs: number): ResetMove | null {
    const before = this.#due;
    // Never back, whatever the clock does: what came due has changed counts.
    this.#dueMs = Math.max(nowMs, this.#dueMs);
    if (this.#dueMs < this.#nextMs) return null;
    const starts: LiveStart[] = [];
    const shifts: RecordedShift[] = [];
    for (const [spaceId, fromMs] of [...this.#nextOf].filter(([, nextMs]) => nextMs <= this.#dueMs)) {
      starts.push(this.#startOf(spaceId));
      for (const shift of resetShifts(before, this.#due, spaceId, { fromMs, untilMs: NEVER_MS })) {
        shifts.push({ ...shift, fact: null, recordedAtMs: shift.fromMs });
      }
      this.#lookAhead(spaceId);
    }
    this.#nextMs = Math.min(...this.#nextOf.values(), NEVER_MS);
    return { dueMs: this.#dueMs, starts, shifts };
  }

  /** Takes in `fact` by `apply`, which changes the plan; answers what it changes in resets. */
  take(fact: Fact, apply: () => void): Pick<ResetMove, 'starts' | 'shifts'> {
    const spaceId = this.#spaceOf(fact);
    if (spaceId === null) {
      apply();
      return { starts: [], shifts: [] };
    }
    const before: DueResets = { plan: onlySpace(this.#plan, spaceId), dueMs: this.#dueMs };
    const span = this.#touched(fact, spaceId);
    apply();
    this.#ends.delete(spaceId);
    this.#lookAhead(spaceId);
    this.#nextMs = Math.min(...this.#nextOf.values(), NEVER_MS);
    // What nothing was said of before has no events and no resets.
    const versions = before.plan.spaces.get(spaceId)?.versions ?? [];
    const isUntouched = versions.length === 0 || (span.isDaily && isSameDaily(before.plan, this.#plan, spaceId));
    const shifts = isUntouched ? [] : resetShifts(before, this.#due, spaceId, span);
    const recorded = shifts.map((shift) => ({ ...shift, fact: fact.number, recordedAtMs: fact.recordedAtMs }));
    return { starts: [this.#startOf(spaceId)], shifts: recorded };
  }

  get #due(): DueResets {
    return { plan: this.#plan, dueMs: this.#dueMs };
  }

  #startOf(spaceId: SpaceId): LiveStart {
    return { spaceId, atMs: dueResetAt(this.#due, spaceId, this.#dueMs)?.atMs ?? null };
  }

  /** The space whose resets the fact changes; null: of none. */
  #spaceOf({ change }: Fact): SpaceId | null {
    if (change.kind === 'reset') return change.spaceId;
    if (change.kind === 'reset_revoked') return this.#plan.spaceOfReset.get(change.id) ?? null;
    return change.kind === 'space_version' || change.kind === 'space_removed' ? change.id : null;
  }

  /** When counts can be changed by the fact; before it is applied. */
  #touched({ change }: Fact, spaceId: SpaceId): { fromMs: number; untilMs: number; isDaily: boolean } {
    const resets = this.#plan.resets.get(spaceId) ?? [];
    if (change.kind === 'reset' || change.kind === 'reset_revoked') {
      const atMs = change.kind === 'reset' ? change.atMs : resets.find(({ id }) => id === change.id)?.atMs;
      const fromMs = atMs ?? this.#dueMs;
      const next = nextResetMs(this.#plan, spaceId, fromMs);
      return { fromMs, untilMs: this.#ifDue(next), isDaily: false };
    }
    // Before the first event and the first reset entered by hand every count is 0, whatever daily resets there are.
    const oldestMs = Math.min(this.#oldestMs, ...resets.map(({ atMs }) => atMs));
    const fromMs = change.kind === 'space_version' ? (change.fromMs ?? oldestMs) : oldestMs;
    // The version holds until the next one begins; what it has done to counts is over with the first reset after that.
    const starts = (this.#plan.spaces.get(spaceId)?.versions ?? []).map((version) => startMs(version));
    const endMs = starts.find((ms) => ms > fromMs) ?? null;
    const next = endMs === null ? null : nextResetMs(this.#plan, spaceId, endMs - 1);
    const untilMs = this.#ifDue(next);
    return { fromMs: Math.min(Math.max(fromMs, oldestMs), this.#dueMs), untilMs, isDaily: true };
  }

  /** For ever when it has not come due. */
  #ifDue(resetMs: number | null): number {
    return resetMs !== null && resetMs <= this.#dueMs ? resetMs : NEVER_MS;
  }

  #lookAhead(spaceId: SpaceId): void {
    this.#ends.delete(spaceId);
    const nextMs = nextResetMs(this.#plan, spaceId, this.#dueMs);
    if (nextMs === null) this.#nextOf.delete(spaceId);
    else this.#nextOf.set(spaceId, nextMs);
  }
}

/** True when the daily resets of the space are the same in both, whatever else of it changed. */
function isSameDaily(before: ResetPlan, after: ResetPlan, spaceId: SpaceId): boolean {
  const turns = (plan: ResetPlan) => {
    const daily = (plan.spaces.get(spaceId)?.versions ?? []).map(({ fromMs, timeZone, dailyReset }) => ({
      fromMs,
      rule: dailyReset === null ? 'none' : `${dailyReset} ${timeZone}`,
    }));
    return daily.filter(({ rule }, index) => rule !== (daily[index - 1]?.rule ?? 'none'));
  };
  return JSON.stringify(turns(before)) === JSON.stringify(turns(after));
}

function onlySpace(plan: Floorplan, spaceId: SpaceId): ResetPlan {
  const space = plan.spaces.get(spaceId);
  const resets = plan.resets.get(spaceId);
  return {
    spaces: new Map(space === undefined ? [] : [[spaceId, space]]),
    resets: new Map(resets === undefined ? [] : [[spaceId, resets]]),
  };
}

function finite(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null;
}
