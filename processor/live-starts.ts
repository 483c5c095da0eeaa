// Where live counts start: the newest reset of each space, which moves when one is entered or a daily one comes due.
import type { Floorplan } from '../shared/floorplan.ts';
import type { SpaceId } from '../shared/ids.ts';
import { resetAt } from '../shared/reset.ts';
import type { LiveStart } from '../shared/storage/history.ts';

export class LiveStarts {
  readonly #known = new Map<SpaceId, number | null>();

  /** The starts at `nowMs` that have moved since the last call, and those of `touched` in any case. */
  moved(plan: Floorplan, nowMs: number, touched: ReadonlySet<SpaceId>): LiveStart[] {
    const moved: LiveStart[] = [];
    for (const space of plan.spaces.values()) {
      const canReset = plan.resets.has(space.id) || space.versions.some((version) => version.dailyReset !== null);
      const atMs = canReset ? (resetAt(plan, space.id, nowMs)?.atMs ?? null) : null;
      const known = this.#known.get(space.id);
      this.#known.set(space.id, atMs);
      if (known === atMs && !touched.has(space.id)) continue;
      // Met for the first time: what was kept before may have been overtaken, but not where there never was a reset.
      if (known === undefined && !canReset) continue;
      moved.push({ spaceId: space.id, atMs });
    }
    return moved;
  }
}
