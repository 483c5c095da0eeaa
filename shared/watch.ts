// The watch on each space: which DPUs can change its count, and when; kept up to date fact by fact.
import { Atlas } from './atlas.ts';
import type { Fact } from './fact.ts';
import type { DpuId, SpaceId } from './ids.ts';
import { deltaOf } from './mapping.ts';
import type { Span, Truth } from './storage/history.ts';
import { truthOf } from './truth.ts';

type Periods = readonly Span[];

/** The spaces whose events in the span fact `number` maps differently. */
type Touched = Span & { readonly number: number; readonly spaceIds: ReadonlySet<SpaceId> };

const NOBODY: ReadonlyMap<DpuId, Periods> = new Map();

export class SpaceWatch {
  readonly #facts: readonly Fact[];
  readonly #atlas = new Atlas();
  readonly #ofSpace = new Map<SpaceId, Map<DpuId, Periods>>();
  readonly #everOf = new Map<SpaceId, Set<DpuId>>();
  readonly #spacesOf = new Map<DpuId, readonly SpaceId[]>();
  #read = 0;
  readonly #touched: Touched[] = [];
  #truth: { readonly facts: number; readonly truth: Truth } | null = null;

  /** `facts` may grow. */
  constructor(facts: readonly Fact[]) {
    this.#facts = facts;
  }

  /** The floor plan as all facts make it. */
  get atlas(): Atlas {
    this.#catchUp();
    return this.#atlas;
  }

  /** The DPUs whose events change the count of the space, each with the periods in which they do, in order. */
  of(spaceId: SpaceId): ReadonlyMap<DpuId, Periods> {
    this.#catchUp();
    return this.#ofSpace.get(spaceId) ?? NOBODY;
  }

  /** Those that change the count of the space now, or did before some fact was recorded. */
  everOf(spaceId: SpaceId): ReadonlySet<DpuId> {
    this.#catchUp();
    return this.#everOf.get(spaceId) ?? new Set();
  }

  /** True when a fact numbered above `after` maps events of the space in (afterMs, atMs] differently. */
  isTouchedSince(after: number, spaceId: SpaceId, afterMs: number, atMs: number): boolean {
    this.#catchUp();
    for (let index = this.#touched.length - 1; index >= 0; index--) {
      const touched = this.#touched[index] as Touched;
      if (touched.number <= after) return false;
      if (touched.fromMs <= atMs && touched.untilMs > afterMs + 1 && touched.spaceIds.has(spaceId)) return true;
    }
    return false;
  }

  /** How every event was mapped from its recording until now. */
  get truth(): Truth {
    if (this.#truth?.facts !== this.#facts.length) {
      this.#truth = { facts: this.#facts.length, truth: truthOf(this.#facts) };
    }
    return this.#truth.truth;
  }

  #catchUp(): void {
    const changed = new Set<DpuId>();
    for (; this.#read < this.#facts.length; this.#read++) {
      const fact = this.#facts[this.#read] as Fact;
      const touched = new Set<SpaceId>();
      let [from, until] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (const { dpuId, fromMs, untilMs, was, becomes } of this.#atlas.apply(fact)) {
        changed.add(dpuId);
        [from, until] = [Math.min(from, fromMs), Math.max(until, untilMs)];
        for (const spaceId of [...was.enters, ...was.leaves, ...becomes.enters, ...becomes.leaves]) {
          this.#everOf.set(spaceId, (this.#everOf.get(spaceId) ?? new Set()).add(dpuId));
          if (deltaOf(was, 1, spaceId) !== deltaOf(becomes, 1, spaceId)) touched.add(spaceId);
        }
      }
      if (touched.size > 0) {
        this.#touched.push({ number: fact.number, spaceIds: touched, fromMs: from, untilMs: until });
      }
    }
    for (const dpuId of changed) this.#index(dpuId);
  }

  #index(dpuId: DpuId): void {
    for (const spaceId of this.#spacesOf.get(dpuId) ?? []) this.#ofSpace.get(spaceId)?.delete(dpuId);
    const periods = new Map<SpaceId, Span[]>();
    const timeline = this.#atlas.timeline(dpuId);
    for (const [index, { fromMs, mapping }] of timeline.entries()) {
      const untilMs = timeline[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
      for (const spaceId of [...mapping.enters, ...mapping.leaves]) {
        if (deltaOf(mapping, 1, spaceId) === 0) continue;
        const list = periods.get(spaceId) ?? [];
        periods.set(spaceId, list);
        const last = list.at(-1);
        if (last?.untilMs === fromMs) list[list.length - 1] = { fromMs: last.fromMs, untilMs };
        else list.push({ fromMs, untilMs });
      }
    }
    for (const [spaceId, list] of periods) {
      const ofSpace = this.#ofSpace.get(spaceId) ?? new Map<DpuId, Periods>();
      this.#ofSpace.set(spaceId, ofSpace.set(dpuId, list));
    }
    this.#spacesOf.set(dpuId, [...periods.keys()]);
  }
}
