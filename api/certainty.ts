// How sure each count of an answer is, from what has been heard of the DPUs behind it.
import { type Certainty, type CertaintyRules, certaintyOf } from '../shared/certainty.ts';
import type { Clock } from '../shared/clock.ts';
import type { DoorwayCoverage } from '../shared/coverage.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import type { Heard } from '../shared/heard.ts';
import type { DpuId } from '../shared/ids.ts';
import type { ProcessorControl } from '../shared/processor-control.ts';
import type { LiveReader } from '../shared/storage/live.ts';
import type { SpaceWatch } from '../shared/watch.ts';
import type { Counted } from './count.ts';

export type CertaintyDependencies = {
  readonly plan: Floorplan;
  readonly watch: SpaceWatch;
  readonly coverage: DoorwayCoverage;
  readonly rules: CertaintyRules;
  readonly history: Pick<LiveReader, 'heard'>;
  readonly processor: Pick<ProcessorControl, 'applied'>;
  readonly clock: Clock;
};

export class Certainties {
  readonly #dependencies: CertaintyDependencies;
  /** Facts up to here are known to be in every count. */
  #applied = 0;

  constructor(dependencies: CertaintyDependencies) {
    this.#dependencies = dependencies;
  }

  /** One for each of `counts`, in their order. */
  async of(counts: readonly Pick<Counted, 'spaceId' | 'atMs' | 'start'>[]): Promise<Certainty[]> {
    const { watch, history, clock } = this.#dependencies;
    const dpuIds = [...new Set(counts.flatMap(({ spaceId }) => [...watch.of(spaceId).keys()]))];
    const [heard, applied] = await Promise.all([history.heard(dpuIds), this.#newestApplied()]);
    const heardOf = new Map<DpuId, Heard>();
    for (const [index, dpuId] of dpuIds.entries()) {
      const of = heard[index];
      if (of !== null && of !== undefined) heardOf.set(dpuId, of);
    }
    const nowMs = clock.nowMs();
    return counts.map(({ spaceId, atMs, start }) => {
      const asked = { spaceId, afterMs: start?.atMs ?? Number.NEGATIVE_INFINITY, atMs };
      const isRecounting = watch.isTouchedSince(applied, spaceId, asked.afterMs, atMs);
      return certaintyOf(this.#dependencies, asked, heardOf, { ms: nowMs, isRecounting });
    });
  }

  /** The newest fact whose recount, and that of every one before it, is done. */
  async #newestApplied(): Promise<number> {
    const { plan, processor } = this.#dependencies;
    const { factNumber } = plan;
    if (factNumber > this.#applied && (await processor.applied(factNumber, 0))) this.#applied = factNumber;
    while (this.#applied < factNumber && (await processor.applied(this.#applied + 1, 0))) this.#applied += 1;
    return this.#applied;
  }
}
