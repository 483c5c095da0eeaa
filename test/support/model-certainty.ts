// How sure the model is of a count: between two moments at which anything turns nothing changes, so each stretch is asked once.
import type { Model } from './model.ts';

const EVER = Number.NEGATIVE_INFINITY;

/** Full when every doorway that changes the space in (afterMs, atMs] had a DPU all the time; none when none ever did. */
export function coverageOf(model: Model, space: string, afterMs: number, atMs: number): 'full' | 'partial' | 'none' {
  const watched: boolean[] = [];
  const doorways = model.all('doorway').map(({ id }) => id);
  for (const fromMs of turnsIn(model, afterMs, atMs)) {
    for (const doorway of new Set(doorways)) {
      if (changesSpace(model, doorway, space, fromMs)) watched.push(isWatched(model, doorway, fromMs));
    }
  }
  if (!watched.includes(true)) return 'none';
  return watched.includes(false) ? 'partial' : 'full';
}

type Arrived = { readonly heardMs: ReadonlyMap<string, number>; readonly latenessMs: number };

/** The DPUs that a count waits for; not certain where it depends on the very moment at which a message was received. */
export function waitingFor(
  model: Model,
  space: string,
  afterMs: number,
  atMs: number,
  { heardMs, latenessMs }: Arrived,
) {
  const waiting: string[] = [];
  let isCertain = true;
  for (const dpu of new Set(model.all('dpu').map(({ id }) => id as string))) {
    for (const { fromMs, untilMs } of stretchesOf(model, dpu, space)) {
      if (fromMs > atMs || untilMs <= afterMs + 1) continue;
      const neededMs = Math.min(atMs, untilMs);
      const heard = heardMs.get(dpu);
      const hasArrived = heard !== undefined && neededMs <= heard - latenessMs;
      if (hasArrived || isExcused(model, dpu, neededMs)) continue;
      if (heard !== undefined && neededMs <= Date.now() - latenessMs) isCertain = false;
      waiting.push(dpu);
    }
  }
  return { for: [...new Set(waiting)].sort(), isCertain };
}

/** When the DPU changes the space; stretches that meet are one. */
function stretchesOf(model: Model, dpu: string, space: string): { fromMs: number; untilMs: number }[] {
  const stretches: { fromMs: number; untilMs: number }[] = [];
  const turns = turnsIn(model, EVER, Number.POSITIVE_INFINITY);
  for (const [index, fromMs] of turns.entries()) {
    if (model.delta({ dpu, atMs: fromMs, direction: 1, seq: null }, space) === 0) continue;
    const untilMs = turns[index + 1] ?? Number.POSITIVE_INFINITY;
    const last = stretches.at(-1);
    if (last?.untilMs === fromMs) last.untilMs = untilMs;
    else stretches.push({ fromMs, untilMs });
  }
  return stretches;
}

function isExcused(model: Model, dpu: string, atMs: number): boolean {
  const revoked = new Set(model.all('outage_revoked').map(({ id }) => id));
  return model
    .all('outage')
    .some(
      ({ id, dpuId, fromMs, untilMs }) =>
        dpuId === dpu && !revoked.has(id) && (fromMs ?? EVER) <= atMs && (untilMs === null || atMs <= untilMs),
    );
}

/** Just after `afterMs`, and every moment from then until `atMs` at which any fact begins or ends. */
function turnsIn(model: Model, afterMs: number, atMs: number): number[] {
  if (afterMs >= atMs) return [];
  const turns = new Set<number>([afterMs + 1]);
  for (const { change } of model.facts) {
    const fields: Record<string, unknown> = change;
    for (const name of ['fromMs', 'untilMs', 'retiredAtMs']) {
      const turnMs = fields[name];
      if (typeof turnMs === 'number' && turnMs > afterMs && turnMs <= atMs) turns.add(turnMs);
    }
  }
  return [...turns].sort((one, other) => one - other);
}

/** A DPU that has always been on the doorway would change the space then. */
function changesSpace(model: Model, doorway: string, space: string, atMs: number): boolean {
  const sides = model.version('doorway_version', doorway, atMs);
  if (sides === undefined || model.isRetired('doorway', doorway, atMs)) return false;
  return model.isWithin(sides.a, space, atMs) !== model.isWithin(sides.b, space, atMs);
}

function isWatched(model: Model, doorway: string, atMs: number): boolean {
  const dpus = new Set(model.all('dpu').map(({ id }) => id as string));
  return [...dpus].some((dpu) => {
    return !model.isRetired('dpu', dpu, atMs) && model.placement(dpu, atMs)?.doorwayId === doorway;
  });
}
