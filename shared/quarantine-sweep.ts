// What a crash may have left undone: a DPU was created, but its events were not yet taken out of quarantine.
import type { Floorplan } from './floorplan.ts';
import type { DpuId } from './ids.ts';
import type { ProcessorControl } from './processor-control.ts';
import { type ReplayDependencies, replayQuarantine } from './quarantine-replay.ts';

export type SweepDependencies = ReplayDependencies & {
  readonly plan: Floorplan;
  readonly processor: Pick<ProcessorControl, 'caughtUp'>;
};

const PAGE_SIZE = 1_000;
/** What stands in the journal may still become a quarantine item, so the sweep comes after it. */
const CAUGHT_UP_TIMEOUT_MS = 600_000;

/** Replays the `unknown_dpu` events of DPUs that are known by now. Answers the number of events stored. */
export async function sweepQuarantine(dependencies: SweepDependencies): Promise<number> {
  const { plan, processor, history } = dependencies;
  await processor.caughtUp(CAUGHT_UP_TIMEOUT_MS);
  const known = new Set<DpuId>();
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page = await history.list({
      reason: 'unknown_dpu',
      limit: PAGE_SIZE,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const { dpuId } of page.results) if (dpuId !== null && plan.dpus.has(dpuId)) known.add(dpuId);
    cursor = page.next;
  }
  let events = 0;
  for (const dpuId of known) {
    const replayed = await replayQuarantine(dependencies, { reason: 'unknown_dpu', dpuId });
    events += replayed.events;
  }
  return events;
}
