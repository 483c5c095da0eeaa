// The drift of a space: what its count was at the quietest hour of each night, when nobody should have been in.
import { isDateInZone, localDate, localInstantMs } from '../shared/calendar.ts';
import type { SpaceId } from '../shared/ids.ts';
import { resetAt } from '../shared/reset.ts';
import { versionAt } from '../shared/versions.ts';
import { type CountSources, countAt } from './count.ts';

export type Night = {
  readonly date: string;
  readonly atMs: number;
  readonly count: number;
  /** How much of `count` came since the night before; the count itself where a reset lies between. */
  readonly drift: number;
};

/** One entry for each local night with its quiet moment in [fromMs, untilMs], in order; none before the space's days are known. */
export async function driftOf(
  { plan, history }: Pick<CountSources, 'plan' | 'history'>,
  spaceId: SpaceId,
  { fromMs, untilMs, time }: { readonly fromMs: number; readonly untilMs: number; readonly time: string },
): Promise<Night[]> {
  const zone = versionAt(plan.spaces.get(spaceId)?.versions ?? [], untilMs)?.timeZone ?? 'UTC';
  const nights: { date: string; atMs: number }[] = [];
  for (let date = localDate(fromMs, zone); ; date = date.add({ days: 1 })) {
    const atMs = localInstantMs(date, time, zone);
    if (atMs > untilMs) break;
    if (atMs >= fromMs && isDateInZone(date, zone)) nights.push({ date: date.toString(), atMs });
  }
  // A daily reset at this very moment would hide what it removes.
  const counts = await Promise.all(nights.map(({ atMs }) => countAt({ plan, history }, spaceId, atMs - 1)));
  return nights.map((night, index) => {
    const count = counts[index]?.count ?? 0;
    const before = nights[index - 1];
    const start = resetAt(plan, spaceId, night.atMs - 1);
    const isReset = before === undefined || (start !== null && start.atMs >= before.atMs);
    return { ...night, count, drift: count - (isReset ? (start?.count ?? 0) : (counts[index - 1]?.count ?? 0)) };
  });
}
