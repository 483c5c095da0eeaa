// The rollups of the spaces that a partition owns, against the points of all partitions; where repaired, marked to be made anew.
import { partitionOf } from '../../partition.ts';
import type { Sums } from '../history.ts';
import type { HistoryParts } from './history-parts.ts';
import { rowsOf } from './influx-rows.ts';
import { placeOf } from './judge.ts';
import { keys } from './keys.ts';
import { DAY_MS, HOUR_MS, Marking } from './marking.ts';
import { temporarily } from './redis.ts';

type Row = Record<string, string>;
export type RollupFault = { readonly spaceId: string; readonly detail: string };

const NOTHING: Sums = { entrances: 0, exits: 0 };

export async function auditRollups(
  parts: HistoryParts,
  { repair, position }: { repair: boolean; position: number },
): Promise<{ spaces: number; faults: RollupFault[] }> {
  const { influx, ownership, partitions, redis } = parts;
  const rows = await rowsOf(influx, 'spaces', {});
  const spaceIds = [...new Set(rows.map((row) => String(row['space'])))];
  const faults: RollupFault[] = [];
  for (const spaceId of spaceIds.filter((id) => partitionOf(id, partitions) === ownership.partition)) {
    // Marked before or after the look: being changed, and not read by anybody.
    const marked = new Set(await marksOf(parts, spaceId));
    const right = sumsByHour(await rowsOf(influx, 'hour-sums-of-space', { space: spaceId }));
    const kept = { h: await keptOf(parts, 'hour', spaceId), d: await keptOf(parts, 'day', spaceId) };
    for (const field of await marksOf(parts, spaceId)) marked.add(field);
    const expected = { h: right, d: byDay(right) };
    const marking = new Marking(ownership.partition);
    for (const level of ['h', 'd'] as const) {
      for (const bucket of new Set([...expected[level].keys(), ...kept[level].keys()])) {
        if (marked.has(`${level}${bucket}`)) continue;
        const [one, other] = [expected[level].get(bucket) ?? NOTHING, kept[level].get(bucket) ?? NOTHING];
        if (one.entrances === other.entrances && one.exits === other.exits) continue;
        const name = level === 'h' ? 'hour' : 'day';
        const detail = `${name} ${bucket}: rollup +${other.entrances} -${other.exits}, points +${one.entrances} -${one.exits}`;
        faults.push({ spaceId, detail });
        marking.add(spaceId, bucket * (level === 'h' ? HOUR_MS : DAY_MS));
      }
    }
    if (repair) await marking.set(redis, partitions, position);
  }
  return { spaces: spaceIds.length, faults };
}

/** Of any partition, as `h422072` or `d17586`. */
async function marksOf({ redis, ownership }: HistoryParts, spaceId: string): Promise<string[]> {
  const fields = await temporarily(() => redis.hkeys(keys.dirty(ownership.partition, spaceId)));
  return fields.map((field) => field.split(':', 1)[0] as string);
}

async function keptOf({ influx }: HistoryParts, level: 'hour' | 'day', spaceId: string): Promise<Map<number, Sums>> {
  const rows = await rowsOf(influx, `${level}s-of-space`, { space: spaceId, startMs: 0, stopMs: FAR_MS });
  const lengthMs = level === 'hour' ? HOUR_MS : DAY_MS;
  return new Map(
    rows.map((row) => [
      Math.floor(placeOf(row['_time']).timestampMs / lengthMs),
      { entrances: Number(row['entrances']), exits: Number(row['exits']) },
    ]),
  );
}

const FAR_MS = Date.UTC(2200, 0, 1);

/** From sum and number of the values of each hour and kind: of n values that are +1 or -1 and sum up to s, (n + s) / 2 are +1. */
function sumsByHour(rows: readonly Row[]): Map<number, Sums> {
  const byKind = new Map<string, { hour: number; isUndo: boolean; sum: number; count: number }>();
  for (const row of rows) {
    const hour = Math.floor(placeOf(row['_time']).timestampMs / HOUR_MS);
    const isUndo = row['kind'] === 'undo';
    const known = byKind.get(`${hour} ${isUndo}`) ?? { hour, isUndo, sum: 0, count: 0 };
    byKind.set(`${hour} ${isUndo}`, known);
    known[row['what'] === 'sum' ? 'sum' : 'count'] += Number(row['_value']);
  }
  const hours = new Map<number, { entrances: number; exits: number }>();
  for (const { hour, isUndo, sum, count } of byKind.values()) {
    const sums = hours.get(hour) ?? { entrances: 0, exits: 0 };
    hours.set(hour, sums);
    const [plus, minus] = [(count + sum) / 2, (count - sum) / 2];
    sums.entrances += isUndo ? -minus : plus;
    sums.exits += isUndo ? -plus : minus;
  }
  return hours;
}

function byDay(hours: ReadonlyMap<number, Sums>): Map<number, Sums> {
  const days = new Map<number, Sums>();
  for (const [hour, { entrances, exits }] of hours) {
    const day = Math.floor((hour * HOUR_MS) / DAY_MS);
    const sums = days.get(day) ?? NOTHING;
    days.set(day, { entrances: sums.entrances + entrances, exits: sums.exits + exits });
  }
  return days;
}
