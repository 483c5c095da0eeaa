// How sure each count of an answer is, from what has been heard of the DPUs behind it.
import { type Certainty, type CertaintyRules, certaintyOf } from '../shared/certainty.ts';
import type { Clock } from '../shared/clock.ts';
import type { DoorwayCoverage } from '../shared/coverage.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import type { Heard } from '../shared/heard.ts';
import type { DpuId, SpaceId } from '../shared/ids.ts';
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

type CertainOf = Pick<Counted, 'spaceId' | 'atMs' | 'start'>;

export class Certainties {
  readonly #dependencies: CertaintyDependencies;
  /** Facts up to here are known to be in every count. */
  #applied = 0;

  constructor(dependencies: CertaintyDependencies) {
    this.#dependencies = dependencies;
  }

  /** One for each of `counts`, in their order. */
  async of(counts: readonly CertainOf[]): Promise<Certainty[]> {
    return (await this.about(counts.map(({ spaceId }) => spaceId)))(counts);
  }

  /**
   * The same for counts of these spaces that are read from now on: which recounts are done is known before they are, and what
   * was heard is asked for together with them. So nothing is said of recounts and events that they do not hold.
   */
  async about(spaceIds: readonly SpaceId[]): Promise<(counts: readonly CertainOf[]) => Promise<Certainty[]>> {
    const { watch, history, clock } = this.#dependencies;
    const applied = await this.#newestApplied();
    const dpuIds = [...new Set(spaceIds.flatMap((spaceId) => [...watch.of(spaceId).keys()]))];
    const asked = history.heard(dpuIds);
    // Whoever fails before it is needed says so first.
    asked.catch(() => undefined);
    return async (counts) => {
      const heard = await asked;
      const heardOf = new Map<DpuId, Heard>();
      for (const [index, dpuId] of dpuIds.entries()) {
        const of = heard[index];
        if (of !== null && of !== undefined) heardOf.set(dpuId, of);
      }
      const nowMs = clock.nowMs();
      return counts.map(({ spaceId, atMs, start }) => {
        const span = { spaceId, afterMs: start?.atMs ?? Number.NEGATIVE_INFINITY, atMs };
        const isRecounting = watch.isTouchedSince(applied, spaceId, span.afterMs, atMs);
        return certaintyOf(this.#dependencies, span, heardOf, { ms: nowMs, isRecounting });
      });
    };
  }

  /** The newest fact whose recount, and that of every one before it, is done. */
  async #newestApplied(): Promise<number> {
    const { plan, processor } = this.#dependencies;
    const { factNumber } = plan;
    // Several may ask at once: each tells what it has found out, and none goes on from what another has found meanwhile.
    if (factNumber > this.#applied && (await processor.applied(factNumber, 0))) this.#advance(factNumber);
    for (let next = this.#applied + 1; next <= factNumber && (await processor.applied(next, 0)); next++)
      this.#advance(next);
    return this.#applied;
  }

  #advance(factNumber: number): void {
    this.#applied = Math.max(this.#applied, factNumber);
  }
}
