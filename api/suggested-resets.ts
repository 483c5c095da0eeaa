// Suggested resets: what to tell the spaces around a space that moved, if the people in it moved along.
import type { SpaceId } from '../shared/ids.ts';
import { formatTimestamp } from '../shared/timestamp.ts';
import { type CountSources, countAt } from './count.ts';
import type { Move } from './edit/tree.ts';

type SuggestedReset = { readonly space_id: SpaceId; readonly at: string; readonly change: number };

/** An adjustment for each space that the people of a moved space left or entered; none for a move that is yet to come. */
export async function suggestedResets(
  sources: Pick<CountSources, 'plan' | 'history' | 'clock'>,
  moves: readonly Move[],
): Promise<SuggestedReset[]> {
  const suggested: SuggestedReset[] = [];
  for (const { spaceId, atMs, left, entered } of moves) {
    if (atMs > sources.clock.nowMs()) continue;
    const { count } = await countAt(sources, spaceId, atMs - 1);
    if (count === 0) continue;
    const at = formatTimestamp(atMs);
    for (const id of left) suggested.push({ space_id: id, at, change: -count });
    for (const id of entered) suggested.push({ space_id: id, at, change: count });
  }
  return suggested;
}
