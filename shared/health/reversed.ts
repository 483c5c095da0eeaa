// Conservation: who goes in comes out. A space that only fills, or that is left by people who never came, has a sensor the wrong way round.
import type { DpuId, SpaceId } from '../ids.ts';
import type { Finding } from './finding.ts';
import { type Flow, type Strain, strainOf } from './flow.ts';

/** Fewer may be a door held open, or a sensor that misses some. */
const PEOPLE_MIN = 10;
/** Sensors that are right miss some 5 % of the crossings; of the crossings that much may be left over. */
const NET_SHARE = 0.15;
/** A count that strays so many times further below its beginning than above it is upside down. */
const DEPTH_TO_HEIGHT = 3;
/** What may be left of the strain for a reversal to explain it. */
const LEFT_SHARE = 0.25;

/** True when the count strays as no right one does. */
function isStrained({ net, depth, height }: Strain, crossings: number): boolean {
  const isOneWay = Math.abs(net) >= Math.max(PEOPLE_MIN, NET_SHARE * crossings);
  return isOneWay || (depth >= PEOPLE_MIN && depth >= DEPTH_TO_HEIGHT * height);
}

/** The spaces worth asking for their counts: whatever those are, no others are found. */
export function suspectsOf(flows: readonly Flow[]): Flow[] {
  return flows.filter((flow) => flow.days.length > 0 && isStrained(strainOf(flow, [], null), flow.crossings));
}

/** `openings`: the count of each suspect at the beginning of each of its days. */
export function reversedSensors(suspects: readonly Flow[], openings: readonly (readonly number[])[]): Finding[] {
  const found = new Map<DpuId, Finding>();
  const unexplained: Finding[] = [];
  for (const [index, flow] of suspects.entries()) {
    const opening = openings[index] ?? [];
    const strain = strainOf(flow, opening, null);
    if (!isStrained(strain, flow.crossings)) continue;
    const dpuId = culpritOf(flow, opening, strain);
    if (dpuId === null) {
      if (isEveryDay(flow)) unexplained.push(oneWay(flow, strain));
      continue;
    }
    const known = found.get(dpuId);
    const finding = reversed(flow, dpuId, opening, strain);
    found.set(dpuId, known === undefined ? finding : { ...known, spaceIds: [...known.spaceIds, flow.spaceId] });
  }
  return [...found.values(), ...unexplained];
}

/** The DPU that, facing the other way, leaves least; null when even that leaves too much. */
function culpritOf(flow: Flow, openings: readonly number[], strain: Strain): DpuId | null {
  const weigh = ({ net, depth }: Strain) => Math.abs(net) + depth;
  let best: { readonly dpuId: DpuId; readonly left: number } | null = null;
  for (const dpuId of new Set(flow.days.flatMap(({ steps }) => steps.map((step) => step.dpuId)))) {
    const left = weigh(strainOf(flow, openings, dpuId));
    if (best === null || left < best.left) best = { dpuId, left };
  }
  return best !== null && best.left <= LEFT_SHARE * weigh(strain) ? best.dpuId : null;
}

/** One day with an event outside is no rule. */
function isEveryDay({ days }: Flow): boolean {
  const nets = days.map(({ steps }) => steps.reduce((sum, step) => sum + step.delta, 0)).filter((net) => net !== 0);
  return nets.length > 1 && nets.every((net) => Math.sign(net) === Math.sign(nets[0] ?? 0));
}

function evidenceOf(flow: Flow, strain: Strain): Pick<Finding, 'numbers' | 'times'> {
  const { net, depth } = strain;
  return {
    numbers: { days: flow.days.length, crossings: flow.crossings, net_people: net, below_zero_people: depth },
    times: { from: flow.days[0]?.fromMs ?? 0, until: flow.days.at(-1)?.untilMs ?? 0 },
  };
}

function reversed(flow: Flow, dpuId: DpuId, openings: readonly number[], strain: Strain): Finding {
  const { numbers, times } = evidenceOf(flow, strain);
  const turned = strainOf(flow, openings, dpuId);
  const after = { net_people_if_reversed: turned.net, below_zero_people_if_reversed: turned.depth };
  const spaceIds: SpaceId[] = [flow.spaceId];
  const action =
    `DPU ${dpuId} seems to face the other way: look at it, and enter a placement with the other "facing" from when ` +
    'it was put up; ?dry_run=true shows what that changes';
  return { kind: 'reversed_sensor', spaceIds, dpuIds: [dpuId], numbers: { ...numbers, ...after }, times, action };
}

function oneWay(flow: Flow, strain: Strain): Finding {
  const what = strain.net > 0 ? 'more people come in than leave' : 'more people leave than come in';
  const action =
    `${what}, day after day, and no single DPU the other way round explains it: look for a doorway without a DPU, ` +
    'one that misses people, or a placement with the wrong doorway; a daily_reset keeps it from adding up';
  return { kind: 'one_way', spaceIds: [flow.spaceId], dpuIds: [], ...evidenceOf(flow, strain), action };
}
