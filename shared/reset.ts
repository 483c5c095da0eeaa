// Resets: which one a count at some instant starts from, and the adjustments since; manual ones and the daily one.
import { isDateInZone, localDate, localInstantMs } from './calendar.ts';
import type { SpaceVersion } from './fact.ts';
import type { Floorplan, RecordedReset, Space } from './floorplan.ts';
import type { ResetId, SpaceId } from './ids.ts';
import { startMs, versionAt } from './versions.ts';

/** What of a floor plan resets are read from. */
export type ResetPlan = Pick<Floorplan, 'spaces' | 'resets'>;

/** Where a count starts: at `atMs` it was `count`. `id` is null for a daily reset. */
export type Start = { readonly id: ResetId | null; readonly atMs: number; readonly count: number };

/** The latest reset of the space at or before `atMs`; null when there is none. At one instant a manual one beats the daily. */
export function resetAt(plan: ResetPlan, spaceId: SpaceId, atMs: number): Start | null {
  const manual = manualResetAt(plan.resets.get(spaceId) ?? [], atMs);
  const space = plan.spaces.get(spaceId);
  const dailyAtMs = space === undefined ? null : dailyResetAt(space, atMs);
  if (dailyAtMs === null || (manual !== null && manual.atMs >= dailyAtMs)) return manual;
  return { id: null, atMs: dailyAtMs, count: 0 };
}

/** Every reset in (afterMs, untilMs], in order, one an instant. */
export function resetsBetween(plan: ResetPlan, spaceId: SpaceId, afterMs: number, untilMs: number): Start[] {
  const found: Start[] = [];
  for (let start = resetAt(plan, spaceId, untilMs); start !== null && start.atMs > afterMs; ) {
    found.push(start);
    start = resetAt(plan, spaceId, start.atMs - 1);
  }
  return found.reverse();
}

/** When the first reset of the space after `afterMs` is, whichever kind; null when there will be none. */
export function nextResetMs(plan: ResetPlan, spaceId: SpaceId, afterMs: number): number | null {
  let next = Number.POSITIVE_INFINITY;
  for (const { count, revokedAtMs, atMs } of plan.resets.get(spaceId) ?? []) {
    if (count !== null && revokedAtMs === null && atMs > afterMs && atMs < next) next = atMs;
  }
  const space = plan.spaces.get(spaceId);
  const dailyMs = space === undefined ? null : nextDailyResetMs(space, afterMs);
  if (dailyMs !== null && dailyMs < next) next = dailyMs;
  return Number.isFinite(next) ? next : null;
}

/** Adjustments of the space in force in (afterMs, untilMs], in order of their instants. */
export function adjustmentsBetween(
  plan: ResetPlan,
  spaceId: SpaceId,
  afterMs: number,
  untilMs: number,
): RecordedReset[] {
  return (plan.resets.get(spaceId) ?? [])
    .filter(
      (entry) => entry.change !== null && entry.revokedAtMs === null && entry.atMs > afterMs && entry.atMs <= untilMs,
    )
    .sort((one, other) => one.atMs - other.atMs);
}

function manualResetAt(resets: readonly RecordedReset[], atMs: number): Start | null {
  let found: RecordedReset | null = null;
  for (const entry of resets) {
    if (entry.count === null || entry.revokedAtMs !== null || entry.atMs > atMs) continue;
    if (
      found === null ||
      entry.atMs > found.atMs ||
      (entry.atMs === found.atMs && entry.factNumber > found.factNumber)
    ) {
      found = entry;
    }
  }
  return found === null ? null : { id: found.id, atMs: found.atMs, count: found.count ?? 0 };
}

/** The latest daily reset at or before `atMs`, by the version of the space that held at that reset. */
function dailyResetAt(space: Space, atMs: number): number | null {
  for (let untilMs = atMs; ; ) {
    const version = versionAt(space.versions, untilMs);
    if (version === undefined) return null;
    const candidate = lastDailyInstant(version, untilMs);
    if (candidate !== null && candidate >= startMs(version)) return candidate;
    if (version.fromMs === null) return null;
    untilMs = version.fromMs - 1;
  }
}

/** The first daily reset after `afterMs`, by the version of the space that holds at that reset. */
function nextDailyResetMs(space: Space, afterMs: number): number | null {
  const { versions } = space;
  const holding = versions.findLastIndex((version) => startMs(version) <= afterMs);
  for (let index = Math.max(holding, 0); index < versions.length; index++) {
    const version = versions[index] as SpaceVersion;
    const after = Math.max(afterMs, startMs(version) - 1);
    const candidate = Number.isFinite(after) ? firstDailyInstant(version, after) : null;
    const endMs = startMs(versions[index + 1] ?? { fromMs: Number.POSITIVE_INFINITY });
    if (candidate !== null && candidate < endMs) return candidate;
  }
  return null;
}

/** The first occurrence of the version's daily reset after `afterMs`, as if it always held. */
function firstDailyInstant(version: SpaceVersion, afterMs: number): number | null {
  if (version.dailyReset === null) return null;
  // A date before that of `afterMs` may have its reset after it where clocks go back; one date at most is missing in a row.
  for (let days = -1; days <= 3; days++) {
    const date = localDate(afterMs, version.timeZone).add({ days });
    if (!isDateInZone(date, version.timeZone)) continue;
    const instantMs = localInstantMs(date, version.dailyReset, version.timeZone);
    if (instantMs > afterMs) return instantMs;
  }
  return null;
}

/** The last occurrence of the version's daily reset at or before `atMs`, as if it had always held. */
function lastDailyInstant(version: SpaceVersion, atMs: number): number | null {
  if (version.dailyReset === null) return null;
  // Going back three local dates always finds one: a date is missing from a zone at most once in a row.
  for (let daysBack = 0; daysBack <= 3; daysBack++) {
    const date = localDate(atMs, version.timeZone).subtract({ days: daysBack });
    if (!isDateInZone(date, version.timeZone)) continue;
    const instantMs = localInstantMs(date, version.dailyReset, version.timeZone);
    if (instantMs <= atMs) return instantMs;
  }
  return null;
}
