// Facts taken in: what each one remaps, and how every event was mapped from its recording until now.
import { Atlas, type Remapping } from './atlas.ts';
import type { Fact } from './fact.ts';
import type { DpuId } from './ids.ts';
import { type Mapping, UNPLACED } from './mapping.ts';
import type { MappingStep, TakenFact, Truth } from './storage/history.ts';

/** Applies `facts` to `atlas`, one after the other; each with the events that it maps differently. */
export function takeIn(facts: readonly Fact[], atlas: Atlas): TakenFact[] {
  return facts.map((fact) => ({
    factNumber: fact.number,
    recordedAtMs: fact.recordedAtMs,
    remappings: atlas.apply(fact),
  }));
}

/** The mappings of any event by `facts` alone: those recorded up to its own recording first, then one step a change. */
export function truthOf(facts: readonly Fact[]): Truth {
  type Step = Remapping & { readonly recordedAtMs: number; readonly cause: number };
  const stepsOfDpu = new Map<DpuId, Step[]>();
  for (const { factNumber: cause, recordedAtMs, remappings } of takeIn(facts, new Atlas())) {
    for (const remapping of remappings) {
      const steps = stepsOfDpu.get(remapping.dpuId) ?? [];
      steps.push({ ...remapping, recordedAtMs, cause });
      stepsOfDpu.set(remapping.dpuId, steps);
    }
  }
  return (dpuId, timestampMs, recordedAtMs) => {
    let first: Mapping = UNPLACED;
    const later: MappingStep[] = [];
    for (const step of stepsOfDpu.get(dpuId) ?? []) {
      if (timestampMs < step.fromMs || timestampMs >= step.untilMs) continue;
      if (step.recordedAtMs <= recordedAtMs) first = step.becomes;
      else later.push({ recordedAtMs: step.recordedAtMs, mapping: step.becomes, cause: step.cause });
    }
    return [{ recordedAtMs, mapping: first, cause: null }, ...later];
  };
}
