// Recounts as answers: those of the facts that one request recorded are one to whoever made it.
import type { Fact } from '../shared/fact.ts';
import type { ProcessorControl } from '../shared/processor-control.ts';
import type { RecountReader, RecountState } from '../shared/storage/recounts.ts';
import { Problem } from './problem.ts';

/** The facts that a request recorded, by number. */
export type FactRange = { readonly first: number; readonly last: number };

export type RecountSources = {
  readonly history: RecountReader;
  readonly processor: Pick<ProcessorControl, 'applied'>;
  readonly facts: readonly Fact[];
};

/** A recount's id names its facts: `17`, or `17-29`. */
export function recountId({ first, last }: FactRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}

/** The facts that a recount's id names; null: it is none. */
export function factsOfRecount(id: string): FactRange | null {
  const match = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(id);
  if (match === null) return null;
  const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
  return first >= 1 && first <= last ? { first, last } : null;
}

/** How far the recount of these facts is; null when they are applied and no stored event was touched by them. */
export async function recountOf(sources: RecountSources, range: FactRange) {
  // Asked first: what is opened in between is then seen below.
  const isApplied = await sources.processor.applied(range.last, 0);
  const states = await sources.history.recounts(range.first, range.last);
  if (states.length === 0 && isApplied) return null;
  return recountShape(sources.facts, range, states, isApplied);
}

/** For that long an answer that cannot be given during a recount waits for its end. */
const RECOUNT_WAIT_MS = 8_000;
const RETRY_AFTER_S = 5;

/** Resolves when the facts up to that number are in every count; 503 when that takes longer than 8 s. */
export async function recountsDone(processor: RecountSources['processor'], factNumber: number): Promise<void> {
  if (await processor.applied(factNumber, RECOUNT_WAIT_MS)) return;
  const detail = 'the past is being recounted; see /v1/recounts?status=running, and ask again';
  throw new Problem('recount_running', detail, { retryAfterS: RETRY_AFTER_S });
}

export function recountShape(
  facts: readonly Fact[],
  range: FactRange,
  states: readonly RecountState[],
  isApplied: boolean,
) {
  const isDone = isApplied || (states.length > 0 && states.every((state) => state.isDone));
  const sum = (value: (state: RecountState) => number) => states.reduce((total, state) => total + value(state), 0);
  const change = facts[(states[0]?.fact ?? range.first) - 1]?.change;
  return {
    id: recountId(range),
    status: isDone ? ('done' as const) : ('running' as const),
    events_total: sum((state) => state.eventsTotal),
    events_done: sum((state) => state.eventsDone),
    spaces: [...new Set(states.flatMap((state) => state.spaceIds))].sort(),
    cause: { kind: change?.kind ?? 'unknown', id: change?.id ?? null },
  };
}
