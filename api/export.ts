// Exports: a whole list as CSV or as JSON lines instead of pages, whichever the `Accept` header prefers. Rows are read as
// fast as they are taken, a piece at a time, so that memory does not grow with their number.
//
//   GET, Accept: text/csv ──▶ piece of rows ──▶ text ──▶ socket; full? ──▶ wait ──▶ next piece
//                                 └─ the first fails: a problem;   a later one fails: the connection is cut
import { Readable } from 'node:stream';
import accepts from '@fastify/accepts';
import { stringify } from 'csv-stringify/sync';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { OLDEST_EVENT_MS } from '../shared/event.ts';
import type { EventsQuery, HistoryReader, StoredEvent } from '../shared/storage/history.ts';
import type { Api } from './dependencies.ts';
import { invalidField } from './problem.ts';
import { suppressed } from './suppression.ts';

const JSON_TYPE = 'application/json';
const CSV = 'text/csv';
const LINES = 'application/x-ndjson';
export type ExportType = typeof CSV | typeof LINES;

/** Rows read and sent together, some 150 KB of text. */
export const PIECE_ROWS = 1_000;
/** Stretches of time that are read: so that no store has to look at all events for one piece. */
const STRETCH_MS_MIN = 3_600_000;
const STRETCH_GROWTH = 4;

export function negotiateExports(api: Api): void {
  api.register(accepts);
}

/** The answers of a list that may be exported: `list` as JSON, or all its rows. */
export function exportable<List extends z.ZodType>(list: List) {
  const rows = (description: string) => ({ schema: z.string().describe(description) });
  return {
    200: {
      description: 'A page of the list; or, as the Accept header asks, all of it as CSV or JSON lines',
      content: {
        [JSON_TYPE]: { schema: list },
        [CSV]: rows('All rows, the first names the columns. No pages: page_size is not used.'),
        [LINES]: rows('All results, a JSON object a line. No pages: page_size is not used.'),
      },
    },
  };
}

/** What of CSV and JSON lines the request wants rather than JSON; null: a page of JSON. */
export function exportType(request: FastifyRequest, reply: FastifyReply): ExportType | null {
  reply.header('vary', 'accept');
  const type = request.accepts().type([JSON_TYPE, CSV, LINES]);
  if (type !== CSV && type !== LINES) return null;
  const { cursor } = request.query as { readonly cursor?: string };
  if (cursor !== undefined) throw invalidField('query.cursor', 'an export has no pages; leave it out');
  return type;
}

type Row = Readonly<Record<string, unknown>>;

/** Answers with all rows of `pieces`; `columns` are those of CSV, in their order. */
export async function sendRows(
  reply: FastifyReply,
  type: ExportType,
  columns: readonly string[],
  pieces: AsyncGenerator<readonly Row[]>,
): Promise<FastifyReply> {
  const { suppressBelow } = reply.request;
  const shown = (rows: readonly Row[]) =>
    suppressBelow === null ? rows : (suppressed(rows, suppressBelow) as readonly Row[]);
  const text = (rows: readonly Row[]) =>
    type === CSV
      ? stringify([...rows], { columns: [...columns] })
      : rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  // What fails before the first piece is there can still be answered with a problem.
  const first = await pieces.next();
  const texts = async function* () {
    try {
      if (type === CSV) yield stringify([[...columns]]);
      if (!first.done) yield text(shown(first.value));
      for await (const piece of pieces) yield text(shown(piece));
    } finally {
      await pieces.return(undefined);
    }
  };
  const stream = Readable.from(texts(), { objectMode: false });
  return reply.type(`${type}; charset=utf-8`).send(stream);
}

/** Every event of the query in its order, in pieces; up to `latestMs`, which none can lie beyond. */
export async function* eventPieces(
  history: Pick<HistoryReader, 'events'>,
  query: Omit<EventsQuery, 'limit' | 'cursor' | 'total'>,
  latestMs: number,
): AsyncGenerator<readonly StoredEvent[]> {
  const { order, by } = query;
  let left = {
    fromMs: Math.max(query.span.fromMs, OLDEST_EVENT_MS),
    untilMs: Math.min(query.span.untilMs, latestMs + 1),
  };
  let stretchMs = STRETCH_MS_MIN;
  let cursor: string | null = null;
  while (left.fromMs < left.untilMs) {
    const span =
      order === 'asc'
        ? { ...left, untilMs: Math.min(left.fromMs + stretchMs, left.untilMs) }
        : { ...left, fromMs: Math.max(left.untilMs - stretchMs, left.fromMs) };
    const place = cursor === null ? {} : { cursor };
    const page = await history.events({ ...query, span, limit: PIECE_ROWS, total: 'left_out', ...place });
    if (page.results.length > 0) yield page.results;
    const last = page.results.at(-1);
    cursor = page.next;
    if (cursor === null || last === undefined) {
      left = order === 'asc' ? { ...left, fromMs: span.untilMs } : { ...left, untilMs: span.fromMs };
      stretchMs *= STRETCH_GROWTH;
      continue;
    }
    // There is more in the stretch: on from the last event, which the cursor leaves out, in smaller steps.
    const atMs = by === 'timestamp' ? last.timestampMs : last.recordedAtMs;
    left = order === 'asc' ? { ...left, fromMs: atMs } : { ...left, untilMs: atMs + 1 };
    stretchMs = Math.max(STRETCH_MS_MIN, stretchMs / STRETCH_GROWTH);
  }
}
