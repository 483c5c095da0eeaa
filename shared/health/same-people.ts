// Two DPUs on one doorway that count the same people: their events come in pairs.
import type { DoorwayVersion } from '../fact.ts';
import type { DoorwayId, DpuId, SpaceId } from '../ids.ts';
import { placementAt } from '../mapping.ts';
import type { StoredEvent } from '../storage/history.ts';
import type { Finding, Observation } from './finding.ts';

/** A person is seen by both within this time, their clocks being some 100 ms apart. */
const TOGETHER_MS = 1_500;
const PAIRS_MIN = 20;
/** Of the events of the quieter one; people side by side under two DPUs are fewer. */
const PAIRS_SHARE = 0.5;
/** Above this it is the crowd that makes pairs. */
const CHANCE_SHARE = 0.25;

/** `way`: +1 to side a, -1 to side b. */
type Crossing = { readonly atMs: number; readonly way: number };

export function samePeople(observation: Observation): Finding[] {
  const { plan, eventsOf } = observation;
  const found: Finding[] = [];
  for (const [doorwayId, dpuIds] of plan.dpusOfDoorway) {
    const watching = [...dpuIds].filter((dpuId) => eventsOf.has(dpuId)).sort();
    for (const [index, one] of watching.entries()) {
      for (const other of watching.slice(index + 1)) {
        const finding = pairOf(observation, doorwayId, one, other);
        if (finding !== null) found.push(finding);
      }
    }
  }
  return found;
}

function pairOf(observation: Observation, doorwayId: DoorwayId, one: DpuId, other: DpuId): Finding | null {
  const [of, against] = [crossingsOf(observation, doorwayId, one), crossingsOf(observation, doorwayId, other)];
  const [quieter, busier] = of.length <= against.length ? [of, against] : [against, of];
  const first = Math.max(of[0]?.atMs ?? 0, against[0]?.atMs ?? 0);
  const last = Math.min(of.at(-1)?.atMs ?? 0, against.at(-1)?.atMs ?? 0);
  const pairs = pairsIn(quieter, busier);
  if (pairs < PAIRS_MIN || pairs < PAIRS_SHARE * quieter.length) return null;
  const chance = chanceIn(quieter, busier);
  if (chance > CHANCE_SHARE) return null;
  const numbers = {
    pairs,
    events_of_first: of.length,
    events_of_second: against.length,
    pairs_by_chance: Math.round(chance * quieter.length),
  };
  const { plan } = observation;
  const spaceIds = [...new Set(sidesOf(plan.doorways.get(doorwayId)?.versions ?? []))];
  const action =
    `DPUs ${one} and ${other} see the same people at doorway ${doorwayId}, who count twice: move one of them, or end ` +
    'its placement from when both were there';
  return { kind: 'same_people', spaceIds, dpuIds: [one, other], numbers, times: { from: first, until: last }, action };
}

function sidesOf(versions: readonly DoorwayVersion[]): SpaceId[] {
  return versions.flatMap(({ a, b }) => [a, b]).filter((side) => side !== null);
}

/** The crossings of the doorway that the DPU counted. */
function crossingsOf({ plan, eventsOf }: Observation, doorwayId: DoorwayId, dpuId: DpuId): Crossing[] {
  const dpu = plan.dpus.get(dpuId);
  if (dpu === undefined) return [];
  const wayOf = ({ timestampMs, direction, status }: StoredEvent): Crossing[] => {
    const placement = placementAt(dpu, timestampMs);
    if (placement?.doorwayId !== doorwayId || status !== 'counted') return [];
    return [{ atMs: timestampMs, way: placement.facing === 'a' ? direction : -direction }];
  };
  return (eventsOf.get(dpuId) ?? []).flatMap(wayOf);
}

/** Crossings of one that have a partner, each another one, of the same way. */
function pairsIn(quieter: readonly Crossing[], busier: readonly Crossing[]): number {
  let pairs = 0;
  for (const way of [1, -1]) {
    const partners = busier.filter((crossing) => crossing.way === way);
    let next = 0;
    for (const { atMs } of quieter.filter((crossing) => crossing.way === way)) {
      while ((partners[next]?.atMs ?? Number.POSITIVE_INFINITY) < atMs - TOGETHER_MS) next += 1;
      if ((partners[next]?.atMs ?? Number.POSITIVE_INFINITY) > atMs + TOGETHER_MS) continue;
      pairs += 1;
      next += 1;
    }
  }
  return pairs;
}

/** The share of the quieter one's crossings that would have a partner if the busier one's clock were a minute off. */
function chanceIn(quieter: readonly Crossing[], busier: readonly Crossing[]): number {
  const shifts = [-60_000, 60_000].map((shiftMs) =>
    pairsIn(
      quieter.map(({ atMs, way }) => ({ atMs: atMs + shiftMs, way })),
      busier,
    ),
  );
  return Math.max(...shifts) / quieter.length;
}
