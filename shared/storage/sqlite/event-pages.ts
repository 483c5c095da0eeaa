// Pages of raw events: by timestamp or by recording, of all DPUs, of one, or with a delta of one space.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Direction } from '../../event.ts';
import type { DpuId } from '../../ids.ts';
import { type EventsPage, type EventsQuery, isInSpans, type Span, type StoredEvent } from '../history.ts';
import { MappingTable } from './deltas.ts';
import { Differences } from './differences.ts';
import { afterCursor, EDGE, type Key, keyOf, type Order, placeOf } from './event-order.ts';
import { type EventRow, timestampOf } from './event-row.ts';
import { HOUR_MS } from './minutes.ts';
import type { Effect } from './names.ts';
import { RawEvents } from './raw-events.ts';

/** Rows looked at together; the page's filter may leave fewer. */
const BATCH_ROWS = 1000;

/** A query, from its cursor on. */
type Asked = Pick<EventsQuery, 'span' | 'by' | 'order'> & { readonly cursor?: string | undefined };
type Selects = Record<Order, StatementSync>;

export class EventPages {
  readonly #rawEvents: RawEvents;
  readonly #mappings: MappingTable;
  readonly #byTimestamp: Selects;
  readonly #byRecording: Selects;
  readonly #countByTimestamp: StatementSync;
  readonly #countByRecording: StatementSync;
  readonly #differences: Differences;
  readonly #dpuById: StatementSync;
  readonly #dpuByNumber: StatementSync;
  readonly #dpuIds = new Map<number, DpuId>();
  readonly #spaceById: StatementSync;

  constructor(database: DatabaseSync) {
    this.#rawEvents = new RawEvents(database);
    this.#mappings = new MappingTable(database);
    const both = (sql: (order: Order, after: string) => string): Selects => {
      const statements = { asc: database.prepare(sql('asc', '>')), desc: database.prepare(sql('desc', '<')) };
      for (const statement of [statements.asc, statements.desc]) statement.setReturnArrays(true);
      return statements;
    };
    // Numbers are bound as reals, so a division needs the cast. Ordered by second the key does the work; only the rows of one second are sorted.
    this.#byTimestamp = both(
      (order, after) => `SELECT * FROM event
        WHERE second >= CAST(?1 AS INTEGER) / 1000 AND second <= CAST(?2 AS INTEGER) / 1000 AND 1000 * second + ms >= ?1 AND 1000 * second + ms < ?2
          AND second ${after}= ?4 AND (1000 * second + ms, second, dpu, ms, direction, epoch, seq) ${after} (?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ORDER BY second ${order}, ms ${order}, dpu ${order}, direction ${order}, epoch ${order}, seq ${order} LIMIT ${BATCH_ROWS}`,
    );
    // The hours that anything recorded in the span can belong to; of their rows only the first of the order are kept.
    const recorded = `FROM (SELECT DISTINCT hour FROM arrival WHERE recorded_hour >= CAST(?1 AS INTEGER) / ${HOUR_MS} AND recorded_hour <= CAST(?2 AS INTEGER) / ${HOUR_MS})
        CROSS JOIN event ON second >= hour * 3600 AND second < hour * 3600 + 3600
        WHERE 1000 * second + ms + recorded_after_ms >= ?1 AND 1000 * second + ms + recorded_after_ms < ?2`;
    this.#byRecording = both(
      (order, after) => `SELECT event.* ${recorded}
          AND (1000 * second + ms + recorded_after_ms, second, dpu, ms, direction, epoch, seq) ${after} (?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ORDER BY 1000 * second + ms + recorded_after_ms ${order}, second ${order}, dpu ${order}, ms ${order},
          direction ${order}, epoch ${order}, seq ${order} LIMIT ${BATCH_ROWS}`,
    );
    this.#countByTimestamp = database.prepare(
      `SELECT count(*) AS count FROM event
       WHERE second >= CAST(?1 AS INTEGER) / 1000 AND second <= CAST(?2 AS INTEGER) / 1000 AND 1000 * second + ms >= ?1 AND 1000 * second + ms < ?2`,
    );
    this.#countByRecording = database.prepare(`SELECT count(*) AS count ${recorded}`);
    this.#differences = new Differences(database);
    this.#dpuById = database.prepare('SELECT number, first_hour, last_hour FROM dpu WHERE id = ?');
    this.#dpuByNumber = database.prepare('SELECT id FROM dpu WHERE number = ?');
    this.#spaceById = database.prepare('SELECT number FROM space WHERE id = ?');
  }

  /** Call within one transaction. */
  page(query: EventsQuery): EventsPage {
    const [isOfQuery, isShown] = [this.#filter(query), this.#within(query)];
    const isWanted = (row: EventRow) => isShown(row) && isOfQuery(row);
    const results: EventRow[] = [];
    let next: string | null = null;
    let total = 0;
    const all = query.dpuId !== undefined && query.by === 'timestamp' ? this.#ofDpu(query) : null;
    for (const row of all === null ? this.#ordered(query) : afterCursor(all, query)) {
      if (!isWanted(row)) continue;
      if (results.length === query.limit) {
        next = keyOf(results.at(-1) as EventRow, query.by).join('~');
        break;
      }
      results.push(row);
    }
    if (query.total === 'left_out') return { total, next, results: this.#eventsOf(results) };
    if (query.dpuId === undefined && query.spaceId === undefined && query.within === undefined) {
      const count = query.by === 'timestamp' ? this.#countByTimestamp : this.#countByRecording;
      total = Number(count.get(query.span.fromMs, query.span.untilMs)?.['count']);
    } else {
      for (const row of all ?? this.#ordered({ ...query, cursor: undefined })) if (isWanted(row)) total += 1;
    }
    return { total, next, results: this.#eventsOf(results) };
  }

  /** All rows of the span in the order asked for, after `cursor`. */
  *#ordered(query: Asked): Generator<EventRow> {
    const { span, by, order } = query;
    const edge = EDGE[order];
    let after: Key = placeOf(query) ?? [edge, edge, edge, edge, edge, edge, edge];
    const select = (by === 'timestamp' ? this.#byTimestamp : this.#byRecording)[order];
    for (;;) {
      const rows = select.all(span.fromMs, span.untilMs, ...after) as unknown as EventRow[];
      yield* rows;
      if (rows.length < BATCH_ROWS) return;
      after = keyOf(rows.at(-1) as EventRow, by);
    }
  }

  /** In the order asked for. Where they are not to be counted none before the cursor's moment, and read as they are taken. */
  #ofDpu(query: EventsQuery): Iterable<EventRow> {
    const { dpuId, span, order, total } = query;
    const dpu = this.#dpuById.get(dpuId ?? '');
    if (dpu === undefined) return [];
    const known = {
      number: Number(dpu['number']),
      firstHour: Number(dpu['first_hour']),
      lastHour: Number(dpu['last_hour']),
    };
    if (order === 'asc' && total === 'left_out') {
      return this.#rawEvents.ofDpu(known, Math.max(placeOf(query)?.[0] ?? 0, span.fromMs), span.untilMs);
    }
    const rows = [...this.#rawEvents.ofDpu(known, span.fromMs, span.untilMs)];
    return order === 'asc' ? rows : rows.reverse();
  }

  #filter(query: EventsQuery): (row: EventRow) => boolean {
    const { dpuId, spaceId, by } = query;
    if (dpuId !== undefined && by === 'received') {
      const number = this.#dpuById.get(dpuId)?.['number'];
      return (row) => row[1] === number;
    }
    if (spaceId === undefined) return () => true;
    const space = this.#spaceById.get(spaceId)?.['number'];
    if (space === undefined) return () => false;
    const { entersBy, leavesBy } = this.#mappings.ofSpace(Number(space));
    const mappingOf = this.#differences.mappings();
    return (row) => {
      const mapping = mappingOf(row);
      return entersBy.has(mapping) || leavesBy.has(mapping);
    };
  }

  #within({ within }: EventsQuery): (row: EventRow) => boolean {
    if (within === undefined) return () => true;
    const spansOf = new Map<number, readonly Span[]>();
    for (const [dpuId, spans] of within) {
      const number = this.#dpuById.get(dpuId)?.['number'];
      if (number !== undefined) spansOf.set(Number(number), spans);
    }
    return (row) => isInSpans(spansOf.get(row[1]), timestampOf(row));
  }

  #eventsOf(rows: readonly EventRow[]): StoredEvent[] {
    const effects = this.#mappings.effects();
    const mappingOf = this.#differences.mappings();
    return rows.map((row) => {
      const timestampMs = timestampOf(row);
      const recordedAtMs = timestampMs + row[6];
      return {
        dpuId: this.#dpuId(row[1]),
        timestampMs,
        direction: row[3] as Direction,
        epoch: row[4] < 0 ? null : row[4],
        seq: row[5] < 0 ? null : row[5],
        recordedAtMs,
        receivedAtMs: recordedAtMs - row[7],
        status: (effects[mappingOf(row)] as Effect).status,
      };
    });
  }

  /** Numbers are given out once and for all. */
  #dpuId(number: number): DpuId {
    const known = this.#dpuIds.get(number) ?? (this.#dpuByNumber.get(number)?.['id'] as DpuId);
    this.#dpuIds.set(number, known);
    return known;
  }
}
