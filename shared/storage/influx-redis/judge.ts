// Which events of a batch are new, and in which slot each stands: as the live group found, or by looking into history.
import type { DpuId } from '../../ids.ts';
import type { Batch, MappedEvent } from '../history.ts';
import type { HistoryParts } from './history-parts.ts';
import type { Row } from './influx.ts';
import { fluxOf, id, instant } from './influx-rows.ts';
import { indexed, usualSlot } from './live-writer.ts';
import { freeSlot, isSame, type RingEvent } from './ring.ts';
import type { EntryVerdicts } from './verdicts.ts';

/** `isLate`: older than its DPU's ring, so the live group has not counted it. */
export type Judged = { readonly event: MappedEvent; readonly slot: number; readonly isLate: boolean };

/** In order: what is new, and what is stored already. */
export type Judgement = { readonly fresh: readonly Judged[]; readonly duplicates: readonly MappedEvent[] };

/** What is known of a DPU's events in one millisecond; `position` of those that history holds. */
type Known = RingEvent & { readonly position: number; isOfBatch: boolean };

/** Events of a DPU no further apart than this are looked up as one range. */
const GAP_MS = 600_000;
/** Above this the whole stretch is read: a stream costs as much as some thousand events. */
const RANGES_PER_DPU = 8;
/** Each is a stream of the query; 50 take some 80 ms. */
const RANGES_PER_QUERY = 40;
const LOOKUPS_AT_ONCE = 2;

export async function judge(
  parts: Pick<HistoryParts, 'influx' | 'ownership'>,
  batch: Batch,
  verdicts: EntryVerdicts,
): Promise<Judgement> {
  const all = [...indexed(batch)].map(({ event, index }) => ({
    event,
    verdict: verdicts.of(event.position, index, usualSlot(event)),
  }));
  const old = all.filter(({ verdict }) => verdict.kind === 'old').map(({ event }) => event);
  const known = old.length === 0 ? new Map<DpuId, Map<number, Known[]>>() : await lookUp(parts, old);
  const judged: Judged[] = [];
  const duplicates: MappedEvent[] = [];
  for (const { event, verdict } of all) {
    if (verdict.kind === 'duplicate') {
      duplicates.push(event);
      continue;
    }
    const ofDpu = known.get(event.dpuId);
    if (verdict.kind === 'new') {
      judged.push({ event, slot: verdict.slot, isLate: false });
      if (ofDpu !== undefined) take(ofDpu, event, verdict.slot);
      continue;
    }
    const slot = slotOfOld(ofDpu ?? new Map(), event);
    if (slot === null) duplicates.push(event);
    else judged.push({ event, slot, isLate: true });
  }
  return { fresh: judged, duplicates };
}

/** Null for a duplicate. What stands in history from this very entry was written by an attempt that was not finished. */
function slotOfOld(ofDpu: Map<number, Known[]>, event: MappedEvent): number | null {
  const sameMs = ofDpu.get(event.timestampMs) ?? [];
  const found = sameMs.find((known) => isSame(known, event));
  if (found !== undefined) {
    if (found.isOfBatch || found.position !== event.position) return null;
    found.isOfBatch = true;
    return found.slot;
  }
  const slot = freeSlot(
    event,
    sameMs.map((known) => known.slot),
  );
  take(ofDpu, event, slot);
  return slot;
}

function take(ofDpu: Map<number, Known[]>, event: MappedEvent, slot: number): void {
  const sameMs = ofDpu.get(event.timestampMs) ?? [];
  ofDpu.set(event.timestampMs, sameMs);
  const found = sameMs.find((known) => isSame(known, event));
  if (found !== undefined) found.isOfBatch = true;
  else sameMs.push({ ...event, slot, isOfBatch: true });
}

type Range = { readonly dpuId: DpuId; readonly startMs: number; stopMs: number };

/** What history holds around these events, by DPU and millisecond. */
async function lookUp(
  { influx }: Pick<HistoryParts, 'influx'>,
  old: readonly MappedEvent[],
): Promise<Map<DpuId, Map<number, Known[]>>> {
  const known = new Map<DpuId, Map<number, Known[]>>(old.map(({ dpuId }) => [dpuId, new Map()]));
  const waiting = rangesOf(old);
  const work = async () => {
    for (let next = waiting.splice(0, RANGES_PER_QUERY); next.length > 0; next = waiting.splice(0, RANGES_PER_QUERY)) {
      for (const row of await influx.query(lookUpFlux(next))) remember(known, row);
    }
  };
  await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, work));
  return known;
}

/** A backlog is one range; events that are far apart have one each, unless there are so many that all between is read sooner. */
function rangesOf(old: readonly MappedEvent[]): Range[] {
  const ranges = new Map<DpuId, Range[]>();
  for (const { dpuId, timestampMs } of old.toSorted((one, other) => one.timestampMs - other.timestampMs)) {
    const ofDpu = ranges.get(dpuId) ?? [];
    ranges.set(dpuId, ofDpu);
    const last = ofDpu.at(-1);
    if (last !== undefined && timestampMs - last.stopMs <= GAP_MS) last.stopMs = timestampMs + 1;
    else ofDpu.push({ dpuId, startMs: timestampMs, stopMs: timestampMs + 1 });
  }
  return [...ranges.values()].flatMap((ofDpu) => {
    const [first, last] = [ofDpu[0], ofDpu.at(-1)];
    if (ofDpu.length <= RANGES_PER_DPU || first === undefined || last === undefined) return ofDpu;
    return [{ ...first, stopMs: last.stopMs }];
  });
}

function lookUpFlux(ranges: readonly Range[]): string {
  const streams = ranges.map(
    ({ dpuId, startMs, stopMs }) => `events(dpu: ${id(dpuId)}, start: ${instant(startMs)}, stop: ${instant(stopMs)})`,
  );
  const all = streams.length === 1 ? streams[0] : `union(tables: [${streams.join(', ')}])`;
  const pivot = 'pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")';
  return `${fluxOf('events-of-dpu', {})}\n${all} |> ${pivot}\n`;
}

function remember(known: Map<DpuId, Map<number, Known[]>>, row: Row): void {
  const { timestampMs, offset } = placeOf(row['_time']);
  const ofDpu = known.get(row['dpu'] as DpuId);
  const counter = (name: string) => (row[name] === undefined || row[name] === '' ? null : Number(row[name]));
  const found = {
    timestampMs,
    slot: offset,
    direction: offset % 2 === 0 ? (1 as const) : (-1 as const),
    epoch: counter('epoch'),
    seq: counter('seq'),
    position: Number(row['position']),
    isOfBatch: false,
  };
  ofDpu?.set(timestampMs, [...(ofDpu.get(timestampMs) ?? []), found]);
}

/** RFC 3339 in UTC, with up to nanoseconds. */
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/;

/** A time as InfluxDB answers it, taken apart into its millisecond and the nanoseconds past it. Throws on anything else. */
export function placeOf(time: string | undefined): { timestampMs: number; offset: number } {
  const [, seconds, digits = ''] = TIME.exec(time ?? '') ?? [];
  if (seconds === undefined) throw new Error(`InfluxDB answered no time but ${JSON.stringify(time)}`);
  const fraction = digits.padEnd(9, '0');
  return { timestampMs: Date.parse(`${seconds}.${fraction.slice(0, 3)}Z`), offset: Number(fraction.slice(3)) };
}
