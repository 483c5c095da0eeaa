// Counts of one space at many moments, by more than one plan: what crossed between them is asked for once, not for each count.
import type { Floorplan } from '../shared/floorplan.ts';
import type { SpaceId } from '../shared/ids.ts';
import { resetAt } from '../shared/reset.ts';
import type { HistoryReader } from '../shared/storage/history.ts';
import { countFrom } from './count.ts';

/** The count at any of `moments`, in any order, by any of `plans`. */
export async function countsAtMoments(
  history: Pick<HistoryReader, 'net' | 'profiles'>,
  spaceId: SpaceId,
  plans: readonly Floorplan[],
  moments: readonly number[],
): Promise<(plan: Floorplan, atMs: number) => number> {
  const edges = new Set(moments);
  for (const plan of plans) {
    for (const atMs of moments) edges.add(resetAt(plan, spaceId, atMs)?.atMs ?? atMs);
  }
  const inOrder = [...edges].sort((one, other) => one - other);
  const spans = inOrder.slice(1).map((atMs, index) => ({ fromMs: (inOrder[index] as number) + 1, untilMs: atMs + 1 }));
  const [first] = inOrder;
  const [before, profiles] = await Promise.all([
    first === undefined ? 0 : history.net(spaceId, null, first),
    history.profiles(spaceId, spans),
  ]);
  /** Entrances less exits up to each edge. */
  const nets = new Map<number, number>();
  let net = before;
  for (const [index, atMs] of inOrder.entries()) {
    const profile = index === 0 ? undefined : profiles[index - 1];
    net += (profile?.entrances ?? 0) - (profile?.exits ?? 0);
    nets.set(atMs, net);
  }
  return (plan, atMs) => {
    const start = resetAt(plan, spaceId, atMs);
    const since = (nets.get(atMs) as number) - (start === null ? 0 : (nets.get(start.atMs) as number));
    return countFrom(plan, spaceId, start, atMs, since);
  };
}
