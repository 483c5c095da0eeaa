// A DPU as those who bring its messages remember it: the floor plan is asked about it once in each of its versions.
import type { Floorplan } from './floorplan.ts';
import type { DpuId } from './ids.ts';

export class Sender {
  readonly dpuId: DpuId;
  readonly #plan: Floorplan;
  #factNumber = -1;
  #isKnown = false;

  constructor(dpuId: DpuId, plan: Floorplan) {
    this.dpuId = dpuId;
    this.#plan = plan;
  }

  /** True while the floor plan has it. */
  get isKnown(): boolean {
    const { factNumber } = this.#plan;
    if (factNumber !== this.#factNumber) {
      this.#factNumber = factNumber;
      this.#isKnown = this.#plan.dpus.has(this.dpuId);
    }
    return this.#isKnown;
  }
}
