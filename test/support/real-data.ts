// The recording of two real DPUs: its paths, its rows, and the right answers to it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_DIR } from './service.ts';

const FOLDER = join(PROJECT_DIR, 'test', 'data');

export const FLOORPLAN_FILE = join(FOLDER, 'floorplan.json');
export const EVENTS_FILE = join(FOLDER, 'dpu_data.csv');

/** True, with a word on standard error, when the recording is not there. */
export function realDataMissing(): boolean {
  const missing = !existsSync(EVENTS_FILE) || !existsSync(FLOORPLAN_FILE);
  if (missing) process.stderr.write(`skipped: the real recording is not in ${FOLDER}\n`);
  return missing;
}

/** Counts of A and B; `at` null: after all events. */
export const RIGHT_ANSWERS = [
  { at: '2018-02-24T08:45:21.892Z', A: 0, B: 0 },
  { at: '2018-02-24T08:45:21.893Z', A: 1, B: -1 },
  { at: '2018-02-24T17:24:25.493Z', A: 1, B: -1 },
  { at: null, A: -2, B: 8 },
] as const;

/** Of the 563 rows, those that are not redeliveries. */
export const DISTINCT_EVENTS = 530;

export type RecordedRow = { readonly timestamp: string; readonly direction: 1 | -1; readonly dpuId: string };

/** The rows in file order. */
export function recordedRows(): RecordedRow[] {
  const [, ...lines] = readFileSync(EVENTS_FILE, 'utf8').trim().split(/\r?\n/);
  return lines.map((line) => {
    const [timestamp, direction, dpuId] = line.replaceAll('"', '').split(',') as [string, string, string];
    return { timestamp, direction: Number(direction) as 1 | -1, dpuId };
  });
}
