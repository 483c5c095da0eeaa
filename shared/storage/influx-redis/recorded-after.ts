// Events that were recorded later than some moment, wherever their timestamps lie.
import type { Span, StoredEvent } from '../history.ts';
import { arrivedIn, placed } from './event-pages.ts';
import type { ReaderParts } from './history-reader.ts';
import { END_OF_TIME_MS, rowsOf } from './influx-rows.ts';

/** The events with a timestamp in `span` that were recorded after `afterMs`. */
export async function recordedAfter(parts: ReaderParts, span: Span, afterMs: number): Promise<StoredEvent[]> {
  const atlas = await parts.currentAtlas();
  const found: StoredEvent[] = [];
  for (const hours of await arrivedIn(parts, { fromMs: afterMs, untilMs: END_OF_TIME_MS })) {
    const window = { startMs: Math.max(hours.startMs, span.fromMs), stopMs: Math.min(hours.stopMs, span.untilMs) };
    if (window.startMs >= window.stopMs) continue;
    for (const row of await rowsOf(parts.influx, 'event-rows', window)) {
      const { event } = placed(row, null);
      if (event.recordedAtMs <= afterMs) continue;
      found.push({ ...event, status: atlas.mappingOf(event.dpuId, event.timestampMs).status });
    }
  }
  return found;
}
