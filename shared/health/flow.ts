// The flow of a space through its whole days: what each DPU adds, and how far the count strays, as it is and if one DPU faced the other way.
import { localDate, localInstantMs } from '../calendar.ts';
import type { DpuId, SpaceId } from '../ids.ts';
import { deltaOf } from '../mapping.ts';
import type { Span } from '../storage/history.ts';
import { versionAt } from '../versions.ts';
import type { Observation } from './finding.ts';

/** When buildings are empty, unless somebody knows better: local time. */
export const QUIET_TIME = '04:00';

export type Step = { readonly atMs: number; readonly dpuId: DpuId; readonly delta: number };

export type Day = Span & {
  /** In the order of their times. */
  readonly steps: readonly Step[];
};

export type Flow = { readonly spaceId: SpaceId; readonly days: readonly Day[]; readonly crossings: number };

/**
 * `net`: what all days leave behind. `depth` and `height`: how far each day's count goes below its beginning (and below
 * zero), and above its beginning, all days together.
 */
export type Strain = { readonly net: number; readonly depth: number; readonly height: number };

/** Of every space that anything has crossed into or out of; whole days only, from quiet time to quiet time. */
export function flowsOf({ span, plan, watch, eventsOf }: Observation): Flow[] {
  const stepsOf = new Map<SpaceId, Step[]>();
  for (const [dpuId, events] of eventsOf) {
    for (const { timestampMs: atMs, direction } of events) {
      const mapping = watch.atlas.mappingOf(dpuId, atMs);
      for (const spaceId of [...mapping.enters, ...mapping.leaves]) {
        const delta = deltaOf(mapping, direction, spaceId);
        const steps = stepsOf.get(spaceId) ?? [];
        stepsOf.set(spaceId, steps);
        steps.push({ atMs, dpuId, delta });
      }
    }
  }
  return [...stepsOf].map(([spaceId, steps]) => {
    steps.sort((one, other) => one.atMs - other.atMs);
    const zone = versionAt(plan.spaces.get(spaceId)?.versions ?? [], span.untilMs)?.timeZone ?? 'UTC';
    const days = daysOf(span, zone, steps);
    return { spaceId, days, crossings: days.reduce((sum, day) => sum + day.steps.length, 0) };
  });
}

function daysOf({ fromMs, untilMs }: Span, zone: string, steps: readonly Step[]): Day[] {
  const days: Day[] = [];
  let next = 0;
  for (let date = localDate(fromMs, zone); ; date = date.add({ days: 1 })) {
    const day = { fromMs: localInstantMs(date, QUIET_TIME, zone), untilMs: 0 };
    day.untilMs = localInstantMs(date.add({ days: 1 }), QUIET_TIME, zone);
    if (day.untilMs > untilMs) return days;
    if (day.fromMs < fromMs) continue;
    while ((steps[next]?.atMs ?? Number.POSITIVE_INFINITY) < day.fromMs) next += 1;
    const first = next;
    while ((steps[next]?.atMs ?? Number.POSITIVE_INFINITY) < day.untilMs) next += 1;
    days.push({ ...day, steps: steps.slice(first, next) });
  }
}

/** `openings`: the count at the beginning of each day; `turned`: as if this DPU faced the other way. */
export function strainOf({ days }: Flow, openings: readonly number[], turned: DpuId | null): Strain {
  const strain = { net: 0, depth: 0, height: 0 };
  for (const [index, { steps }] of days.entries()) {
    const opening = openings[index] ?? 0;
    let [count, lowest, highest] = [opening, opening, opening];
    for (const { dpuId, delta } of steps) {
      count += dpuId === turned ? -delta : delta;
      lowest = Math.min(lowest, count);
      highest = Math.max(highest, count);
    }
    strain.net += count - opening;
    strain.depth += Math.max(0, Math.min(0, opening) - lowest);
    strain.height += highest - opening;
  }
  return strain;
}
