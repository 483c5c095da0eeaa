// What a crash may have left undone, or another process that did not know of a DPU yet: events of DPUs that are known by
// now are taken out of quarantine.
import type { Floorplan } from './floorplan.ts';
import type { DpuId } from './ids.ts';
import type { Log } from './log.ts';
import type { ProcessorControl } from './processor-control.ts';
import { type ReplayDependencies, replayQuarantine } from './quarantine-replay.ts';

export type SweepDependencies = ReplayDependencies & {
  readonly plan: Floorplan;
  readonly processor: Pick<ProcessorControl, 'caughtUp'>;
};

/** A broker knows of a new DPU well before this has passed twice. */
const SWEEP_EVERY_MS = 5_000;
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

/** Sweeps now, and each time some seconds after the floor plan has changed, until stopped. */
export function sweepRegularly(dependencies: SweepDependencies, log: Log): { stop(): void } {
  const { plan } = dependencies;
  let swept = plan.factNumber;
  let seen = plan.factNumber;
  let isSweeping = false;
  const sweep = async () => {
    isSweeping = true;
    await sweepQuarantine(dependencies).catch((error) =>
      log.error({ err: error }, 'quarantined events of DPUs that are known by now wait for the next change'),
    );
    isSweeping = false;
  };
  void sweep();
  const timer = setInterval(() => {
    // What was there a round ago is known to every broker by now.
    if (seen !== swept && !isSweeping) {
      swept = seen;
      void sweep();
    }
    seen = plan.factNumber;
  }, SWEEP_EVERY_MS).unref();
  return { stop: () => clearInterval(timer) };
}
