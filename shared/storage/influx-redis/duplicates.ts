// Duplicates: how often each event came again, as points that name the entry of the journal they came with.
//
//   dpu_duplicate    time = ms + entry % 1,000,000    field c<entry / 1,000,000> = "direction,epoch,seq,copies;…"
//
// What an entry repeats is a function of the journal alone, and a point's place one of the entry: whoever reads the entry
// again, or was fenced off and writes late, writes the same point. So copies are counted once without a look at what is there.
import type { Direction } from '../../event.ts';
import { OLDEST_EVENT_MS } from '../../event.ts';
import type { DpuId } from '../../ids.ts';
import type { MappedEvent, Repeated, Span } from '../history.ts';
import type { ReaderParts } from './history-reader.ts';
import { END_OF_TIME_MS, rowsOf } from './influx-rows.ts';
import { placeOf } from './judge.ts';
import { NS_PER_MS } from './points.ts';

/** The points of copies, which may be of many entries. */
export function duplicateLines(copies: readonly MappedEvent[], partition: number): string[] {
  const points = Map.groupBy(copies, ({ dpuId, timestampMs, position }) => `${dpuId} ${timestampMs} ${position}`);
  return [...points.values()].map((of) => {
    const { dpuId, timestampMs, position } = of[0] as MappedEvent;
    const field = `c${Math.floor(position / NS_PER_MS)}`;
    const offset = String(position % NS_PER_MS).padStart(6, '0');
    return `dpu_duplicate,dpu=${dpuId},partition=${partition} ${field}="${textOf(of)}" ${timestampMs}${offset}`;
  });
}

function textOf(copies: readonly MappedEvent[]): string {
  const identities = Map.groupBy(copies, ({ direction, epoch, seq }) => `${direction},${epoch ?? ''},${seq ?? ''}`);
  return [...identities].map(([identity, of]) => `${identity},${of.length}`).join(';');
}

/** The events in the span of which copies came, of one DPU or (null) of all. */
export async function duplicatesIn(
  { influx }: Pick<ReaderParts, 'influx'>,
  span: Span,
  dpuId: DpuId | null,
): Promise<Repeated[]> {
  const startMs = Math.max(span.fromMs, OLDEST_EVENT_MS);
  const stopMs = Math.min(span.untilMs, END_OF_TIME_MS);
  if (startMs >= stopMs) return [];
  const range = { startMs, stopMs };
  const rows =
    dpuId === null
      ? await rowsOf(influx, 'duplicates', range)
      : await rowsOf(influx, 'duplicates-of-dpu', { ...range, dpu: dpuId });
  const found = new Map<string, Repeated>();
  for (const row of rows) {
    const { timestampMs } = placeOf(row['_time']);
    for (const text of String(row['_value']).split(';')) {
      const [direction, epoch, seq, copies] = text.split(',') as [string, string, string, string];
      const key = `${row['dpu']} ${timestampMs} ${direction},${epoch},${seq}`;
      found.set(key, {
        dpuId: row['dpu'] as DpuId,
        timestampMs,
        direction: Number(direction) as Direction,
        epoch: epoch === '' ? null : Number(epoch),
        seq: seq === '' ? null : Number(seq),
        copies: (found.get(key)?.copies ?? 0) + Number(copies),
      });
    }
  }
  return [...found.values()];
}
