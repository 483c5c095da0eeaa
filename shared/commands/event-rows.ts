// Events in a CSV file: columns `timestamp`, `direction` and `dpu_id` in any order, read as a stream, row by row.
import { createReadStream } from 'node:fs';
import { isId } from '../ids.ts';
import { parseTimestampMs } from '../timestamp.ts';
import { WrongUse } from './command.ts';

const COLUMNS = ['timestamp', 'direction', 'dpu_id'] as const;

export type EventRow = {
  readonly dpuId: string;
  readonly timestampMs: number;
  /** The event as a DPU publishes it. */
  readonly payload: string;
};

/** `bytes` of the file have been read when the row has. */
export type Row = { readonly bytes: number } & ({ readonly event: EventRow } | { readonly fault: string });

/** The rows of the file in order; those that hold no event as faults. Throws WrongUse when a column is missing. */
export async function* readEventRows(path: string): AsyncGenerator<Row> {
  const { CsvError, parse } = await import('csv-parse');
  const unreadable: Row[] = [];
  const refuse = ({ lines, bytes, message }: { lines?: number; bytes?: number; message: string }) =>
    void unreadable.push({ bytes: bytes ?? 0, fault: `line ${lines}: ${message}` });
  const parser = parse({
    bom: true,
    columns: (header: string[]) => checkedHeader(path, header),
    info: true,
    on_skip: (error) => error && refuse(error),
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    trim: true,
  });
  const source = createReadStream(path);
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      yield* unreadable.splice(0);
      const row = eventOf(record);
      yield typeof row === 'string'
        ? { bytes: info.bytes, fault: `line ${info.lines}: ${row}` }
        : { bytes: info.bytes, event: row };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    refuse(error);
  }
  yield* unreadable;
}

type Parsed = { record: Record<string, string | undefined>; info: { lines: number; bytes: number } };

function checkedHeader(path: string, header: string[]): string[] {
  const names = header.map((name) => name.trim().toLowerCase());
  const missing = COLUMNS.filter((column) => !names.includes(column));
  if (missing.length > 0) {
    throw new WrongUse(`${path} has no column ${missing.join(', ')}: its first line must name ${COLUMNS.join(', ')}`);
  }
  return names;
}

/** The event of a row, or what is wrong with it. */
function eventOf(record: Record<string, string | undefined>): EventRow | string {
  const { timestamp = '', direction = '', dpu_id: dpuId = '' } = record;
  const stamp = /^\d{1,16}$/.test(timestamp) ? Number(timestamp) : timestamp;
  const timestampMs = parseTimestampMs(stamp);
  if (timestampMs === undefined)
    return `timestamp ${JSON.stringify(timestamp)} is no time such as 2018-02-24T08:45:21.893Z`;
  if (!/^([+]?1|-1)$/.test(direction)) return `direction ${JSON.stringify(direction)} is neither 1 nor -1`;
  if (!isId(dpuId)) return `dpu_id ${JSON.stringify(dpuId)} is not an id`;
  return { dpuId, timestampMs, payload: JSON.stringify({ timestamp: stamp, direction: Number(direction) }) };
}
