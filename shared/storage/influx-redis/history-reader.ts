// History as everybody reads it: counts and series from rollups and raw deltas, events page by page.
//
// Marks are read before points are. A mark set in between hides nothing that was there, one taken away in between only
// makes this read raw what a rollup would say too.
import type { Redis } from 'ioredis';
import type { Atlas } from '../../atlas.ts';
import { OLDEST_EVENT_MS } from '../../event.ts';
import type { SpaceId } from '../../ids.ts';
import { partitionOf } from '../../partition.ts';
import type { HistoryReader, Profile, Span } from '../history.ts';
import { duplicatesIn } from './duplicates.ts';
import { eventsPage } from './event-pages.ts';
import type { Influx, Row } from './influx.ts';
import { END_OF_TIME_MS, fluxOf, instant } from './influx-rows.ts';
import { placeOf } from './judge.ts';
import { keys } from './keys.ts';
import { DAY_MS, HOUR_MS, markOf } from './marking.ts';
import { type Step, stepOf, walk } from './profile.ts';
import { recordedAfter } from './recorded-after.ts';
import { temporarily } from './redis.ts';
import { type Marks, type Segment, segmentsOf } from './segments.ts';

export type ReaderParts = {
  readonly influx: Influx;
  readonly redis: Redis;
  readonly partitions: number;
  /** All facts so far. */
  currentAtlas(): Promise<Atlas>;
};

const STREAMS = { day: 'days', hour: 'hours', raw: 'deltas' } as const;

export function openHistoryReader(parts: ReaderParts): HistoryReader {
  return {
    net: async (spaceId, afterMs, untilMs) => {
      const fromMs = Math.max(afterMs === null ? 0 : afterMs + 1, OLDEST_EVENT_MS);
      const toMs = Math.min(untilMs + 1, END_OF_TIME_MS);
      if (fromMs >= toMs) return 0;
      const segments = segmentsOf(await marksOf(parts, spaceId), fromMs, toMs);
      const yields = segments.map(
        (segment, index) => `${streamOf(segment, segment.level)} |> yield(name: "${segment.level}${index}")`,
      );
      return netOf(await parts.influx.query(`${fluxOf('net', { space: spaceId })}\n${yields.join('\n')}\n`));
    },
    profiles: async (spaceId, spans) => {
      const all = { fromMs: spans[0]?.fromMs ?? 0, untilMs: spans.at(-1)?.untilMs ?? 0 };
      if (all.fromMs >= all.untilMs) return spans.map(() => ({ entrances: 0, exits: 0, lowest: 0, highest: 0 }));
      const segments = spanSegments(await marksOf(parts, spaceId), spans);
      const pieces = await piecesOf(parts, spaceId, segments);
      return spans.map((span) => fold(pieces.filter(({ atMs }) => atMs >= span.fromMs && atMs < span.untilMs)));
    },
    events: (query) => eventsPage(parts, query),
    recordedAfter: (span, afterMs) => recordedAfter(parts, span, afterMs),
    duplicates: (span, dpuId) => duplicatesIn(parts, span, dpuId),
    close: async () => undefined,
  };
}

/** Sums of raw deltas as they are; of each day and hour the newest version, which has the latest time in its bucket. */
function netOf(rows: readonly Row[]): number {
  const newest = new Map<string, { readonly time: string; readonly net: number }>();
  let net = 0;
  for (const row of rows) {
    const value = Number(row['_value']);
    const level = (row['result'] ?? '').replace(/\d+$/, '');
    if (level === 'raw') {
      net += value;
      continue;
    }
    const { timestampMs, offset } = placeOf(row['_time']);
    const bucket = `${level} ${Math.floor(timestampMs / (level === 'day' ? DAY_MS : HOUR_MS))}`;
    const time = `${timestampMs}${String(offset).padStart(6, '0')}`;
    const known = newest.get(bucket);
    if (known !== undefined && known.time >= time) continue;
    net += value - (known?.net ?? 0);
    newest.set(bucket, { time, net: value });
  }
  return net;
}

async function marksOf({ redis, partitions }: ReaderParts, spaceId: SpaceId): Promise<Marks> {
  const fields = await temporarily(() => redis.hkeys(keys.dirty(partitionOf(spaceId, partitions), spaceId)));
  const marks = fields.map(markOf);
  const numbers = (level: 'hour' | 'day') =>
    new Set(marks.filter((mark) => mark.level === level).map((mark) => mark.number));
  return { hours: numbers('hour'), days: numbers('day') };
}

function streamOf({ startMs, stopMs }: Segment, level: Segment['level']): string {
  return `${STREAMS[level]}(start: ${instant(startMs)}, stop: ${instant(stopMs)})`;
}

/** Whole hours that lie in one span from rollups, the rest raw: a span may begin within an hour. */
function spanSegments({ hours }: Marks, spans: readonly Span[]): Segment[] {
  const fromMs = spans[0]?.fromMs ?? 0;
  const untilMs = spans.at(-1)?.untilMs ?? 0;
  const cut = new Set(hours);
  for (const span of spans) {
    for (const edgeMs of [span.fromMs, span.untilMs]) {
      if (edgeMs % HOUR_MS !== 0) cut.add(Math.floor(edgeMs / HOUR_MS));
    }
  }
  const days = new Set<number>();
  for (let day = Math.floor(fromMs / (24 * HOUR_MS)); day * 24 * HOUR_MS < untilMs; day++) days.add(day);
  return segmentsOf({ hours: cut, days }, Math.max(fromMs, 0), untilMs);
}

/** A step, or an hour of them added up. */
type Piece = { readonly atMs: number } & ({ readonly step: Step } | { readonly hour: Profile });

async function piecesOf({ influx }: ReaderParts, spaceId: SpaceId, segments: readonly Segment[]): Promise<Piece[]> {
  const streams = (level: 'hour' | 'raw') =>
    segments.filter((segment) => segment.level === level).map((segment) => streamOf(segment, level));
  const yields = (['hour', 'raw'] as const).flatMap((level) => {
    const of = streams(level);
    if (of.length === 0) return [];
    const all = of.length === 1 ? of[0] : `union(tables: [${of.join(', ')}])`;
    return [`${all} |> yield(name: "${level}")`];
  });
  const rows = await influx.query(`${fluxOf('profile', { space: spaceId })}\n${yields.join('\n')}\n`);
  const pieces = rows.map((row): Piece => {
    if (row['result'] === 'raw') {
      const step = stepOf(row);
      return { atMs: step.atMs, step };
    }
    const number = (name: string) => Number(row[name]);
    const hour = {
      entrances: number('entrances'),
      exits: number('exits'),
      lowest: number('lowest'),
      highest: number('highest'),
    };
    return { atMs: Math.floor(placeOf(row['_time']).timestampMs / HOUR_MS) * HOUR_MS, hour };
  });
  return pieces.sort((one, other) => one.atMs - other.atMs);
}

/** Pieces in order as one profile. */
function fold(pieces: readonly Piece[]): Profile {
  const sum = { entrances: 0, exits: 0, lowest: 0, highest: 0 };
  const add = (profile: Profile) => {
    const net = sum.entrances - sum.exits;
    sum.lowest = Math.min(sum.lowest, net + profile.lowest);
    sum.highest = Math.max(sum.highest, net + profile.highest);
    sum.entrances += profile.entrances;
    sum.exits += profile.exits;
  };
  let steps: Step[] = [];
  for (const piece of pieces) {
    if ('step' in piece) {
      steps.push(piece.step);
      continue;
    }
    add(walk(steps));
    steps = [];
    add(piece.hour);
  }
  add(walk(steps));
  return sum;
}
