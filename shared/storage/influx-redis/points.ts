// Points as line protocol. Every point's place is a function of what it says, so writing it again changes nothing.
//
//   dpu_event    time = ms + slot                            (slot: among the events of the DPU in that millisecond)
//   space_delta  time = ms + number of the DPU * 10 + slot   (number: of the DPU within its partition)
//
// What does not fit into the million nanoseconds of its millisecond goes to a series of its own (tag overflow): no event
// is lost with more than 100,000 DPUs in a partition, or more than 10 events of a DPU in one millisecond.
import type { MappedEvent } from '../history.ts';
import type { Delta } from './space-state.ts';

export const RAW_BUCKET = 'footfall_raw';
export const ROLLUP_BUCKET = 'footfall_rollup';

export const NS_PER_MS = 1_000_000;
/** Events of one DPU in one millisecond that share a series of `space_delta`. */
const SLOTS = 10;

/** An event with the place that it has among those of its DPU and millisecond. */
export type Placed = { readonly timestampMs: number; readonly slot: number };

export function eventLine(event: MappedEvent, slot: number, partition: number): string {
  const { dpuId, timestampMs, direction, epoch, seq, receivedAtMs, recordedAtMs, position } = event;
  const tagged = `${epoch === null ? '' : `,epoch=${epoch}i`}${seq === null ? '' : `,seq=${seq}i`}`;
  const fields = `direction=${direction}i${tagged},received_at=${receivedAtMs}i,recorded_at=${recordedAtMs}i,position=${position}i`;
  return `dpu_event,dpu=${dpuId},partition=${partition} ${fields} ${nanoseconds(timestampMs, slot)}`;
}

/** `difference`: the fact that caused it; none for what an event's first mapping does. */
export function deltaLine(
  { timestampMs, slot }: Placed,
  delta: Delta,
  dpu: { readonly number: number; readonly partition: number },
  difference?: { readonly cause: number },
): string {
  const offset = dpu.number * SLOTS + (slot % SLOTS);
  const overflow = Math.floor(offset / NS_PER_MS) + Math.floor(slot / SLOTS) * OVERFLOW_SLOTS;
  const tags = [
    difference === undefined ? '' : `,cause=${difference.cause},kind=${delta.weight === 1 ? 'redo' : 'undo'}`,
    overflow === 0 ? '' : `,overflow=${overflow}`,
    `,partition=${dpu.partition},space=${delta.spaceId}`,
  ].join('');
  const value = delta.sign * delta.weight;
  return `space_delta${tags} dpu=${dpu.number}i,value=${value}i ${nanoseconds(timestampMs, offset % NS_PER_MS)}`;
}

/** Above the quotient of any number of DPUs there will be. */
const OVERFLOW_SLOTS = 100_000;

/** Of one space and bucket. */
export type Rollup = {
  readonly entrances: number;
  readonly exits: number;
  readonly lowest: number;
  readonly highest: number;
};

/** `hour`: of its day, from 0 on. */
export type HourOfDay = Rollup & { readonly hour: number };

/** `version` grows with every time that rollups of the space are made; of one bucket the newest holds. */
export function rollupLine(
  level: 'hour' | 'day',
  spaceId: string,
  startMs: number,
  rollup: Rollup,
  version: number,
): string {
  const { entrances, exits, lowest, highest } = rollup;
  const fields = `entrances=${entrances}i,exits=${exits}i,highest=${highest}i,lowest=${lowest}i,net=${entrances - exits}i`;
  return `rollup_${level},space=${spaceId} ${fields} ${BigInt(startMs) * BigInt(NS_PER_MS) + BigInt(version)}`;
}

/** The hours of a day that is over, in one point: a year of any zone's days is made of a few hundred. */
export function dayHoursLine(spaceId: string, startMs: number, hours: readonly HourOfDay[], version: number): string {
  const text = hours.map((of) => [of.hour, of.entrances, of.exits, of.lowest, of.highest].join()).join(';');
  return `rollup_day_hours,space=${spaceId} hours="${text}" ${BigInt(startMs) * BigInt(NS_PER_MS) + BigInt(version)}`;
}

/** The opposite. */
export function hoursFrom(text: string): HourOfDay[] {
  if (text === '') return [];
  return text.split(';').map((of) => {
    const [hour, entrances, exits, lowest, highest] = of.split(',').map(Number) as [
      number,
      number,
      number,
      number,
      number,
    ];
    return { hour, entrances, exits, lowest, highest };
  });
}

function nanoseconds(ms: number, offset: number): string {
  return `${ms}${String(offset).padStart(6, '0')}`;
}
