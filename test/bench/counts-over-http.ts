// The HTTP API as the benches use it: the floor plan in, counts out.
import { systemClock } from '../../shared/clock.ts';
import { type Building, floorplanOf } from '../../shared/commands/building.ts';

const POLL_MS = 20;

export async function importBuilding(httpUrl: string, building: Building): Promise<void> {
  const response = await fetch(`${httpUrl}/v1/floorplan`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(floorplanOf(building)),
  });
  if (!response.ok) throw new Error(`the floor plan was refused: ${await response.text()}`);
}

/** Live counts of all spaces. */
export async function liveCounts(httpUrl: string): Promise<Map<string, number>> {
  const response = await fetch(`${httpUrl}/v1/spaces/counts?page_size=5000`);
  const { results } = (await response.json()) as { results: { space_id: string; count: number }[] };
  return new Map(results.map(({ space_id, count }) => [space_id, count]));
}

/** Asks until every count is right, and resolves with the time of the answer in which they were; rejects after `timeoutMs`. */
export async function untilCounted(
  httpUrl: string,
  right: ReadonlyMap<string, number>,
  timeoutMs: number,
): Promise<number> {
  const beganMs = systemClock.monotonicMs();
  for (;;) {
    const counts = await liveCounts(httpUrl);
    const nowMs = systemClock.monotonicMs();
    const wrong = [...right].filter(([space, count]) => counts.get(space) !== count);
    if (wrong.length === 0) return nowMs;
    if (nowMs - beganMs > timeoutMs) {
      const [space, count] = wrong[0] as [string, number];
      throw new Error(`${wrong.length} counts are wrong, such as ${space}: ${counts.get(space)} instead of ${count}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
