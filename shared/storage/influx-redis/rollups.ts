// Rollups: the hours and days of the spaces whose owner this partition is, made from raw points once they are over.
//
// The version is drawn and the marks are read before the points are; so a rollup that misses a point has an older version
// than one that does not, or its mark is still there when it is to be taken away.
import type { HistoryParts } from './history-writer.ts';
import { rowsOf } from './influx-rows.ts';
import { keys } from './keys.ts';
import { DAY_MS, HOUR_MS } from './marking.ts';
import { ROLLUP_BUCKET, type Rollup, rollupLine } from './points.ts';
import { type Step, stepOf, walk } from './profile.ts';
import { temporarily } from './redis.ts';
import { runScript } from './scripts.ts';

/** A bucket is rolled up so long after its end: most events are there by then, and later ones mark it again. */
const SETTLE_MS = 120_000;
/** Spaces looked after at the same time. */
const SPACES_AT_ONCE = 2;
/** Spaces in one piece of work, some 10 ms each. */
const SPACES_PER_PIECE = 50;
const HOURS_PER_DAY = 24;

type Due = { readonly spaceId: string; readonly day: number; readonly marks: ReadonlyMap<string, string> };

export class Rollups {
  readonly #parts: HistoryParts;

  constructor(parts: HistoryParts) {
    this.#parts = parts;
  }

  /** Makes what is due by `nowMs`, the oldest day of each space first. True when there may be more. */
  async makeSome(nowMs: number): Promise<boolean> {
    const closedMs = nowMs - SETTLE_MS;
    const due = await this.#due(closedMs);
    if (due.length === 0) return false;
    const waiting = due.slice(0, SPACES_PER_PIECE);
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await this.#make(next, closedMs);
    };
    await Promise.all(Array.from({ length: SPACES_AT_ONCE }, work));
    return true;
  }

  /** Of each space that has a bucket to be made, the oldest day with one. */
  async #due(closedMs: number): Promise<Due[]> {
    const { redis, ownership } = this.#parts;
    const owner = ownership.partition;
    const due: Due[] = [];
    const spaceIds = await temporarily(() => redis.smembers(keys.dirtySpaces(owner)));
    const all = await temporarily(() => Promise.all(spaceIds.map((id) => redis.hgetall(keys.dirty(owner, id)))));
    for (const [index, spaceId] of spaceIds.entries()) {
      const marks = new Map(Object.entries(all[index] ?? {}));
      const days = [...marks.keys()].filter((field) => endMs(field) <= closedMs).map(dayOf);
      if (days.length > 0) due.push({ spaceId, day: Math.min(...days), marks });
    }
    return due;
  }

  async #make({ spaceId, day, marks }: Due, closedMs: number): Promise<void> {
    const { redis, influx, ownership } = this.#parts;
    const owner = ownership.partition;
    const hours = [...marks.keys()].filter((field) => field.startsWith('h') && dayOf(field) === day);
    const closed = hours.filter((field) => endMs(field) <= closedMs);
    const version = await temporarily(() => redis.incr(keys.rollupVersion(owner)));
    if (closed.length > 0) {
      const lines = await this.#hourLines(spaceId, closed.map(numberIn), version);
      await influx.write(ROLLUP_BUCKET, lines);
      await this.#unmark(spaceId, closed, marks);
    }
    const isOver = (day + 1) * DAY_MS <= closedMs && closed.length === hours.length;
    if (!isOver || !marks.has(`d${day}`)) return;
    const hourRollups = await rowsOf(influx, 'hours-of-space', {
      space: spaceId,
      startMs: day * DAY_MS,
      stopMs: (day + 1) * DAY_MS,
    });
    const rollup = joined(hourRollups);
    await influx.write(ROLLUP_BUCKET, [rollupLine('day', spaceId, day * DAY_MS, rollup, version)]);
    await this.#unmark(spaceId, [`d${day}`], marks);
  }

  async #hourLines(spaceId: string, hours: readonly number[], version: number): Promise<string[]> {
    const startMs = Math.min(...hours) * HOUR_MS;
    const stopMs = (Math.max(...hours) + 1) * HOUR_MS;
    const steps = await stepsOf(this.#parts, spaceId, startMs, stopMs);
    return hours.map((hour) => {
      const inHour = steps.filter((step) => Math.floor(step.atMs / HOUR_MS) === hour);
      return rollupLine('hour', spaceId, hour * HOUR_MS, walk(inHour), version);
    });
  }

  async #unmark(spaceId: string, fields: readonly string[], marks: ReadonlyMap<string, string>): Promise<void> {
    const { redis, ownership } = this.#parts;
    const owner = ownership.partition;
    const args = fields.flatMap((field) => [field, marks.get(field) ?? '']);
    const names = [keys.dirtySpaces(owner), keys.dirty(owner, spaceId)];
    await temporarily(() => runScript(redis, 'unmark', names, [spaceId, ...args]));
  }
}

/** The raw deltas of a space in [startMs, stopMs). */
async function stepsOf(
  { influx }: Pick<HistoryParts, 'influx'>,
  spaceId: string,
  startMs: number,
  stopMs: number,
): Promise<Step[]> {
  return (await rowsOf(influx, 'deltas-of-space', { space: spaceId, startMs, stopMs })).map(stepOf);
}

/** Hours in order, as one day. */
function joined(hours: readonly Record<string, string>[]): Rollup {
  const day = { entrances: 0, exits: 0, lowest: 0, highest: 0 };
  const inOrder = hours.toSorted((one, other) => Date.parse(String(one['_time'])) - Date.parse(String(other['_time'])));
  for (const hour of inOrder) {
    const net = day.entrances - day.exits;
    day.lowest = Math.min(day.lowest, net + Number(hour['lowest']));
    day.highest = Math.max(day.highest, net + Number(hour['highest']));
    day.entrances += Number(hour['entrances']);
    day.exits += Number(hour['exits']);
  }
  return day;
}

/** Marks are `h` and the hour, or `d` and the day, since 1970 UTC. */
function numberIn(field: string): number {
  return Number(field.slice(1));
}

function dayOf(field: string): number {
  return field.startsWith('d') ? numberIn(field) : Math.floor(numberIn(field) / HOURS_PER_DAY);
}

function endMs(field: string): number {
  return (numberIn(field) + 1) * (field.startsWith('d') ? DAY_MS : HOUR_MS);
}
