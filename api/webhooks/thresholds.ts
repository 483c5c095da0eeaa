// Which thresholds a count has crossed or come back from. Between `below` and `above` nothing changes, so that a count that
// wobbles around one of them says so once.
import type { Floorplan } from '../../shared/floorplan.ts';
import type { SpaceId } from '../../shared/ids.ts';
import { type Threshold, thresholdName } from '../../shared/webhook.ts';
import type { Counted } from '../count.ts';

/** 0.57 of 100 is 57, although 0.57 * 100 is a little less. */
const EXACTNESS = 1e6;

export type ThresholdEvent = {
  readonly kind: 'threshold.crossed' | 'threshold.cleared';
  readonly threshold: Threshold;
  readonly counted: Counted;
  /** Of the space; null: it has none. */
  readonly capacity: number | null;
};

export type Judged = { readonly events: readonly ThresholdEvent[]; readonly crossed: readonly string[] };

/** What has become of `crossed`, by name, with the counts of some spaces. */
export function judgeThresholds(
  plan: Pick<Floorplan, 'spaces'>,
  thresholds: readonly Threshold[],
  counts: readonly Counted[],
  crossed: readonly string[],
): Judged {
  const events: ThresholdEvent[] = [];
  const names = new Set(crossed);
  for (const counted of counts) {
    const capacity = plan.spaces.get(counted.spaceId)?.capacity ?? null;
    for (const threshold of thresholds) {
      if (threshold.spaceId !== null && threshold.spaceId !== counted.spaceId) continue;
      const name = thresholdName(threshold, counted.spaceId);
      const was = names.has(name);
      const is = isCrossed(threshold, counted.count, capacity, was);
      if (is === was) continue;
      if (is) names.add(name);
      else names.delete(name);
      events.push({ kind: is ? 'threshold.crossed' : 'threshold.cleared', threshold, counted, capacity });
    }
  }
  return { events, crossed: [...names] };
}

function isCrossed({ of, above, below }: Threshold, count: number, capacity: number | null, was: boolean): boolean {
  const limit = was ? below : above;
  if (of === 'people') return count > limit;
  return capacity !== null && count > Math.round(limit * capacity * EXACTNESS) / EXACTNESS;
}

/** Of `crossed`, those that `thresholds` still have for a space that is still told of. */
export function stillAsked(
  thresholds: readonly Threshold[],
  spaces: ReadonlySet<SpaceId>,
  crossed: readonly string[],
): string[] {
  const names = new Set<string>();
  for (const threshold of thresholds) {
    for (const spaceId of threshold.spaceId === null ? spaces : [threshold.spaceId]) {
      names.add(thresholdName(threshold, spaceId));
    }
  }
  return crossed.filter((name) => names.has(name));
}
