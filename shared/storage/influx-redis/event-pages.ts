// Pages of raw events: by timestamp or by recording, of all DPUs, of one, or with a delta of one space.
import { type Direction, OLDEST_EVENT_MS } from '../../event.ts';
import type { DpuId } from '../../ids.ts';
import { type EventsPage, type EventsQuery, isInSpans, type Span, type StoredEvent } from '../history.ts';
import type { ReaderParts } from './history-reader.ts';
import type { Row } from './influx.ts';
import { END_OF_TIME_MS, rowsOf } from './influx-rows.ts';
import { placeOf } from './judge.ts';
import { keys } from './keys.ts';
import { HOUR_MS } from './marking.ts';
import { temporarily } from './redis.ts';

/** An event and the time that it is ordered by. */
type Placed = { readonly event: Omit<StoredEvent, 'status'>; readonly sortMs: number };

/** The first stretch that a page reads, and what the next ones grow or shrink by. */
const WINDOW_MS_MIN = 1_000;
const WINDOW_GROWTH = 8;
const FEW_EVENTS = 1_000;
const MANY_EVENTS = 20_000;

const FIRST_HOUR = Math.floor(OLDEST_EVENT_MS / HOUR_MS);
const LAST_HOUR = Math.floor(END_OF_TIME_MS / HOUR_MS);

export async function eventsPage(parts: ReaderParts, query: EventsQuery): Promise<EventsPage> {
  const atlas = await parts.currentAtlas();
  const { spaceId, order, limit, cursor } = query;
  const isWanted = ({ event }: Placed): boolean => {
    if (query.dpuId !== undefined && event.dpuId !== query.dpuId) return false;
    if (query.within !== undefined && !isInSpans(query.within.get(event.dpuId), event.timestampMs)) return false;
    if (spaceId === undefined) return true;
    const { enters, leaves } = atlas.mappingOf(event.dpuId, event.timestampMs);
    return enters.includes(spaceId) || leaves.includes(spaceId);
  };
  const sign = order === 'asc' ? 1 : -1;
  const after = cursor === undefined ? null : cursorOf(cursor);
  const isAfter = (placed: Placed) => after === null || sign * compare(keyOf(placed), after) > 0;
  let found: Placed[] = [];
  let total = 0;
  for await (const { events, isAll } of windowsOf(
    parts,
    query,
    spaceId === undefined ? [...(query.within?.keys() ?? [])] : atlas.dpusOfSpace(spaceId),
  )) {
    const wanted = events.filter(isWanted);
    total += wanted.length;
    found = found.concat(wanted.filter(isAfter).sort((one, other) => sign * compare(keyOf(one), keyOf(other))));
    if (!isAll && found.length > limit) break;
  }
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const counted = query.total === 'left_out' ? 0 : ((await countOf(parts, query)) ?? total);
  return {
    total: counted,
    next: found.length > limit && last !== undefined ? keyOf(last).join('~') : null,
    results: page.map(({ event }) => ({ ...event, status: atlas.mappingOf(event.dpuId, event.timestampMs).status })),
  };
}

/** Events in windows that follow one another in the order asked for; `isAll`: all must be read to know the total. */
async function* windowsOf(
  parts: ReaderParts,
  { by, span, order, dpuId, spaceId, within, cursor }: EventsQuery,
  dpuIds: Iterable<DpuId>,
): AsyncGenerator<{ events: Placed[]; isAll: boolean }> {
  if (by === 'received') {
    const events: Placed[] = [];
    for (const hours of await arrivedIn(parts, span)) {
      for (const row of await rowsOf(parts.influx, 'event-rows', hours)) {
        const recordedAtMs = Number(row['recorded_at']);
        if (recordedAtMs >= span.fromMs && recordedAtMs < span.untilMs) events.push(placed(row, recordedAtMs));
      }
    }
    return yield { events, isAll: true };
  }
  const startMs = Math.max(span.fromMs, OLDEST_EVENT_MS);
  const stopMs = Math.min(span.untilMs, END_OF_TIME_MS);
  if (startMs >= stopMs) return;
  if (dpuId !== undefined || spaceId !== undefined || within !== undefined) {
    let events: Placed[] = [];
    for (const dpu of dpuId === undefined ? dpuIds : [dpuId]) {
      const rows = await rowsOf(parts.influx, 'event-rows-of-dpu', { dpu, startMs, stopMs });
      events = events.concat(rows.map((row) => placed(row, null)));
    }
    return yield { events, isAll: true };
  }
  const fromMs = cursor === undefined ? null : cursorOf(cursor)[0];
  const edges =
    order === 'asc' ? { startMs: fromMs ?? startMs, stopMs } : { startMs, stopMs: (fromMs ?? stopMs - 1) + 1 };
  const all = await hoursWithEvents(parts, { first: FIRST_HOUR, last: LAST_HOUR });
  const hours = all.filter((hour) => (hour + 1) * HOUR_MS > edges.startMs && hour * HOUR_MS < edges.stopMs);
  for (const window of windowsIn(hours, order, edges)) {
    const rows = await rowsOf(parts.influx, 'event-rows', window);
    yield { events: rows.map((row) => placed(row, null)), isAll: false };
    window.events = rows.length;
  }
}

type EventsWindow = { readonly startMs: number; readonly stopMs: number; events: number };

/**
 * Stretches of `hours` (which have events) in the order asked for, cut at the edges. Who reads one tells how many events
 * were in it: the next is longer while there are few, and shorter when there are many.
 */
function* windowsIn(
  hours: readonly number[],
  order: 'asc' | 'desc',
  edges: { readonly startMs: number; readonly stopMs: number },
): Generator<EventsWindow> {
  let lengthMs = WINDOW_MS_MIN;
  for (const run of runsOf(hours, edges, order)) {
    for (let [lowMs, highMs] = [run.startMs, run.stopMs]; lowMs < highMs; ) {
      const startMs = order === 'asc' ? lowMs : Math.max(lowMs, highMs - lengthMs);
      const stopMs = order === 'asc' ? Math.min(highMs, lowMs + lengthMs) : highMs;
      const window: EventsWindow = { startMs, stopMs, events: 0 };
      yield window;
      if (order === 'asc') lowMs = stopMs;
      else highMs = startMs;
      if (window.events < FEW_EVENTS) lengthMs *= WINDOW_GROWTH;
      else if (window.events > MANY_EVENTS) lengthMs = Math.max(WINDOW_MS_MIN, lengthMs / WINDOW_GROWTH);
    }
  }
}

/** Hours that follow one another as one stretch, cut at the edges, in the order asked for. */
function runsOf(
  hours: readonly number[],
  edges: { readonly startMs: number; readonly stopMs: number },
  order: 'asc' | 'desc',
): { startMs: number; stopMs: number }[] {
  const runs: { startMs: number; stopMs: number }[] = [];
  for (const hour of hours) {
    const last = runs.at(-1);
    if (last?.stopMs === hour * HOUR_MS) last.stopMs += HOUR_MS;
    else runs.push({ startMs: hour * HOUR_MS, stopMs: (hour + 1) * HOUR_MS });
  }
  const cut = runs.map(({ startMs, stopMs }) => ({
    startMs: Math.max(startMs, edges.startMs),
    stopMs: Math.min(stopMs, edges.stopMs),
  }));
  return order === 'asc' ? cut : cut.reverse();
}

/** The hours of the timestamps of what was recorded from hour `first` to hour `last`, in order. */
async function hoursWithEvents(
  { redis, partitions }: ReaderParts,
  { first, last }: { first: number; last: number },
): Promise<number[]> {
  const all = Array.from({ length: partitions }, (_, partition) => keys.arrivals(partition));
  const members = await temporarily(() => Promise.all(all.map((key) => redis.zrangebyscore(key, first, last))));
  const hours = new Set(members.flat().map((member) => Number(member.split(' ')[1])));
  return [...hours].sort((one, other) => one - other);
}

/** The hours in which anything recorded in the span can lie, as ranges. */
export async function arrivedIn(parts: ReaderParts, span: Span): Promise<{ startMs: number; stopMs: number }[]> {
  const [first, last] = [Math.floor(span.fromMs / HOUR_MS), Math.floor((span.untilMs - 1) / HOUR_MS)];
  const all = { startMs: OLDEST_EVENT_MS, stopMs: END_OF_TIME_MS };
  return runsOf(await hoursWithEvents(parts, { first, last }), all, 'asc');
}

/** Where storage can count by itself; null where all events are looked at anyway. */
async function countOf({ influx }: ReaderParts, query: EventsQuery): Promise<number | null> {
  const { by, dpuId, spaceId, within, span } = query;
  if (by === 'received' || (dpuId ?? spaceId ?? within) !== undefined) return null;
  const startMs = Math.max(span.fromMs, OLDEST_EVENT_MS);
  const stopMs = Math.min(span.untilMs, END_OF_TIME_MS);
  if (startMs >= stopMs) return 0;
  const rows = await rowsOf(influx, 'event-count', { startMs, stopMs });
  return rows.reduce((sum, row) => sum + Number(row['_value']), 0);
}

export function placed(row: Row, sortMs: number | null): Placed {
  const { timestampMs } = placeOf(row['_time']);
  const counter = (name: string) => (row[name] === undefined || row[name] === '' ? null : Number(row[name]));
  const event = {
    dpuId: row['dpu'] as DpuId,
    timestampMs,
    direction: Number(row['direction']) as Direction,
    epoch: counter('epoch'),
    seq: counter('seq'),
    receivedAtMs: Number(row['received_at']),
    recordedAtMs: Number(row['recorded_at']),
  };
  return { event, sortMs: sortMs ?? timestampMs };
}

/** The order of the rows, the same on every back-end: the time asked for, then what tells events apart; absent is -1. */
type Key = readonly [
  sortMs: number,
  second: number,
  dpuId: string,
  ms: number,
  direction: number,
  epoch: number,
  seq: number,
];

function keyOf({ event, sortMs }: Placed): Key {
  const { timestampMs, dpuId, direction, epoch, seq } = event;
  return [sortMs, Math.floor(timestampMs / 1000), dpuId, timestampMs % 1000, direction, epoch ?? -1, seq ?? -1];
}

function compare(one: Key, other: Key): number {
  for (const [index, value] of one.entries()) {
    const against = other[index] as typeof value;
    if (value !== against) return value < against ? -1 : 1;
  }
  return 0;
}

function cursorOf(cursor: string): Key {
  const [sortMs, second, dpuId = '', ...rest] = cursor.split('~');
  const [ms, direction, epoch, seq] = rest.map(Number) as [number, number, number, number];
  return [Number(sortMs), Number(second), dpuId, ms, direction, epoch, seq];
}
