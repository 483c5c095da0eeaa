// History as everybody reads it: counts and series from rollups and raw deltas, events page by page.
//
// Marks are read before points are. A mark set in between hides nothing that was there, one taken away in between only
// makes this read raw what a rollup would say too.
import type { Redis } from 'ioredis';
import type { Atlas } from '../../atlas.ts';
import { OLDEST_EVENT_MS } from '../../event.ts';
import type { SpaceId } from '../../ids.ts';
import { partitionOf } from '../../partition.ts';
import type { HistoryReader } from '../history.ts';
import { duplicatesIn } from './duplicates.ts';
import { eventsPage } from './event-pages.ts';
import type { Influx, Row } from './influx.ts';
import { END_OF_TIME_MS, fluxOf } from './influx-rows.ts';
import { placeOf } from './judge.ts';
import { keys } from './keys.ts';
import { DAY_MS, HOUR_MS, markOf } from './marking.ts';
import { profilesOf } from './profiles.ts';
import { recordedAfter } from './recorded-after.ts';
import { temporarily } from './redis.ts';
import { type Marks, segmentsOf, streamOf } from './segments.ts';

export type ReaderParts = {
  readonly influx: Influx;
  readonly redis: Redis;
  readonly partitions: number;
  /** All facts so far. */
  currentAtlas(): Promise<Atlas>;
};

export function openHistoryReader(parts: ReaderParts): HistoryReader {
  return {
    net: async (spaceId, afterMs, untilMs) => {
      const fromMs = Math.max(afterMs === null ? 0 : afterMs + 1, OLDEST_EVENT_MS);
      const toMs = Math.min(untilMs + 1, END_OF_TIME_MS);
      if (fromMs >= toMs) return 0;
      const segments = segmentsOf(await marksOf(parts, spaceId), fromMs, toMs);
      const yields = segments.map(
        (segment, index) => `${streamOf(segment)} |> yield(name: "${segment.level}${index}")`,
      );
      return netOf(await parts.influx.query(`${fluxOf('net', { space: spaceId })}\n${yields.join('\n')}\n`));
    },
    profiles: async (spaceId, spans) => profilesOf(parts, spaceId, spans, await marksOf(parts, spaceId)),
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
