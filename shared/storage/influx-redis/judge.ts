// Which events of a batch are new, and in which slot each stands: as the live group found, or by looking into history.
import type { DpuId } from '../../ids.ts';
import type { Batch, MappedEvent } from '../history.ts';
import type { HistoryParts } from './history-writer.ts';
import { rowsOf } from './influx-rows.ts';
import { indexed, usualSlot } from './live-writer.ts';
import { freeSlot, isSame, type RingEvent } from './ring.ts';
import type { EntryVerdicts } from './verdicts.ts';

/** `isLate`: older than its DPU's ring, so the live group has not counted it. */
export type Judged = { readonly event: MappedEvent; readonly slot: number; readonly isLate: boolean };

/** What is known of a DPU's events in one millisecond; `position` of those that history holds. */
type Known = RingEvent & { readonly position: number; isOfBatch: boolean };

/** DPUs looked up at the same time. */
const LOOKUPS_AT_ONCE = 4;

/** The new events of the batch, in order. */
export async function judge(
  parts: Pick<HistoryParts, 'influx' | 'ownership'>,
  batch: Batch,
  verdicts: EntryVerdicts,
): Promise<Judged[]> {
  const all = [...indexed(batch)].map(({ event, index }) => ({
    event,
    verdict: verdicts.of(event.position, index, usualSlot(event)),
  }));
  const old = all.filter(({ verdict }) => verdict.kind === 'old').map(({ event }) => event);
  const known = old.length === 0 ? new Map<DpuId, Map<number, Known[]>>() : await lookUp(parts, old);
  const judged: Judged[] = [];
  for (const { event, verdict } of all) {
    if (verdict.kind === 'duplicate') continue;
    const ofDpu = known.get(event.dpuId);
    if (verdict.kind === 'new') {
      judged.push({ event, slot: verdict.slot, isLate: false });
      if (ofDpu !== undefined) remember(ofDpu, event, verdict.slot);
      continue;
    }
    const slot = slotOfOld(ofDpu ?? new Map(), event);
    if (slot !== null) judged.push({ event, slot, isLate: true });
  }
  return judged;
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
  remember(ofDpu, event, slot);
  return slot;
}

function remember(ofDpu: Map<number, Known[]>, event: MappedEvent, slot: number): void {
  const sameMs = ofDpu.get(event.timestampMs) ?? [];
  ofDpu.set(event.timestampMs, sameMs);
  const found = sameMs.find((known) => isSame(known, event));
  if (found !== undefined) found.isOfBatch = true;
  else sameMs.push({ ...event, slot, isOfBatch: true });
}

/** What history holds of these events' DPUs between the first and the last of them, by DPU and millisecond. */
async function lookUp(
  { influx }: Pick<HistoryParts, 'influx'>,
  old: readonly MappedEvent[],
): Promise<Map<DpuId, Map<number, Known[]>>> {
  const ranges = new Map<DpuId, { startMs: number; stopMs: number }>();
  for (const { dpuId, timestampMs } of old) {
    const range = ranges.get(dpuId) ?? { startMs: timestampMs, stopMs: timestampMs + 1 };
    const startMs = Math.min(range.startMs, timestampMs);
    ranges.set(dpuId, { startMs, stopMs: Math.max(range.stopMs, timestampMs + 1) });
  }
  const known = new Map<DpuId, Map<number, Known[]>>();
  const waiting = [...ranges];
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [dpuId, range] = next;
      known.set(dpuId, knownOf(await rowsOf(influx, 'events-of-dpu', { dpu: dpuId, ...range })));
    }
  };
  await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, work));
  return known;
}

function knownOf(rows: readonly Record<string, string>[]): Map<number, Known[]> {
  const known = new Map<number, Known[]>();
  for (const row of rows) {
    const { timestampMs, offset } = placeOf(row['_time']);
    const ofMs = known.get(timestampMs) ?? [];
    known.set(timestampMs, ofMs);
    const counter = (name: string) => (row[name] === undefined || row[name] === '' ? null : Number(row[name]));
    ofMs.push({
      timestampMs,
      slot: offset,
      direction: Number(row['direction']) === 1 ? 1 : -1,
      epoch: counter('epoch'),
      seq: counter('seq'),
      position: Number(row['position']),
      isOfBatch: false,
    });
  }
  return known;
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
