// What changes in the counts of a space when its resets change: one span of time after another, without looking at any event.
import type { SpaceId } from './ids.ts';
import { adjustmentsBetween, type ResetPlan, resetAt, resetsBetween, type Start } from './reset.ts';

/** The resets of a plan that have come due: those at or before `dueMs`. */
export type DueResets = { readonly plan: ResetPlan; readonly dueMs: number };

/**
 * Counts of the space in [fromMs, untilMs) (null: for ever) change by `base`, plus the net of its deltas in
 * (becomesAfterMs, fromMs], less the net of those in (wasAfterMs, fromMs]; null: from the first delta on.
 */
export type ResetShift = {
  readonly spaceId: SpaceId;
  readonly fromMs: number;
  readonly untilMs: number | null;
  readonly base: number;
  readonly wasAfterMs: number | null;
  readonly becomesAfterMs: number | null;
};

/** The reset that a count at `atMs` starts from, of those that have come due. */
export function dueResetAt({ plan, dueMs }: DueResets, spaceId: SpaceId, atMs: number): Start | null {
  return resetAt(plan, spaceId, Math.min(atMs, dueMs));
}

/** What changes in [fromMs, untilMs) when `before` becomes `after`. */
export function resetShifts(
  before: DueResets,
  after: DueResets,
  spaceId: SpaceId,
  { fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number },
): ResetShift[] {
  if (fromMs >= untilMs) return [];
  const edges = new Set([fromMs]);
  for (const { plan, dueMs } of [before, after]) {
    for (const { atMs } of resetsBetween(plan, spaceId, fromMs, Math.min(dueMs, untilMs - 1))) edges.add(atMs);
  }
  for (const { plan } of [before, after]) {
    for (const { atMs } of adjustmentsBetween(plan, spaceId, fromMs, untilMs - 1)) edges.add(atMs);
  }
  const sorted = [...edges].sort((one, other) => one - other);
  const shifts: ResetShift[] = [];
  for (const [index, edgeMs] of sorted.entries()) {
    const endMs = sorted[index + 1] ?? untilMs;
    const [was, becomes] = [stateAt(before, spaceId, edgeMs), stateAt(after, spaceId, edgeMs)];
    const shift: ResetShift = {
      spaceId,
      fromMs: edgeMs,
      untilMs: Number.isFinite(endMs) ? endMs : null,
      base: becomes.count - was.count,
      wasAfterMs: was.afterMs,
      becomesAfterMs: becomes.afterMs,
    };
    if (shift.base !== 0 || shift.wasAfterMs !== shift.becomesAfterMs) shifts.push(shift);
  }
  return shifts;
}

/** A count at `atMs` without any event, and the reset after which events add to it. */
function stateAt(resets: DueResets, spaceId: SpaceId, atMs: number): { count: number; afterMs: number | null } {
  const start = dueResetAt(resets, spaceId, atMs);
  let count = start?.count ?? 0;
  for (const { change } of adjustmentsBetween(resets.plan, spaceId, start?.atMs ?? Number.NEGATIVE_INFINITY, atMs)) {
    count += change ?? 0;
  }
  return { count, afterMs: start?.atMs ?? null };
}
