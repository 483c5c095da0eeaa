// Rollups: the hours and days of the spaces whose owner this partition is, made from raw points once they are over.
//
// The marks and cursors are read, and the version is drawn, before the points are; so a rollup that misses a point has an
// older version than one that does not, or its mark is another one when it is to be taken away.
import type { Progress } from '../history.ts';
import type { HistoryParts } from './history-parts.ts';
import { rowsOf } from './influx-rows.ts';
import { placeOf } from './judge.ts';
import { keys, PROGRESS_FIELD } from './keys.ts';
import { DAY_MS, HOUR_MS, type Mark, markOf, positionOf } from './marking.ts';
import { dayHoursLine, type HourOfDay, ROLLUP_BUCKET, type Rollup, rollupLine } from './points.ts';
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

type Due = { readonly spaceId: string; readonly day: number; readonly marks: readonly SetMark[] };
type SetMark = Mark & { readonly field: string; readonly value: string };

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
    const cursors = await this.#cursors();
    for (const [index, spaceId] of spaceIds.entries()) {
      const marks = Object.entries(all[index] ?? {}).map(([field, value]) => ({ ...markOf(field), field, value }));
      // What is being written is read raw until it has been.
      const writing = new Set(marks.filter((mark) => !isWritten(mark, cursors)).map(bucketOf));
      const ready = marks.filter((mark) => endMs(mark) <= closedMs && !writing.has(bucketOf(mark)));
      if (ready.length > 0) due.push({ spaceId, day: Math.min(...ready.map(dayOf)), marks });
    }
    return due;
  }

  /** Up to where the history group of each partition has written its points. */
  async #cursors(): Promise<number[]> {
    const { redis, partitions } = this.#parts;
    const all = Array.from({ length: partitions }, (_, partition) => keys.late(partition));
    const texts = await temporarily(() => Promise.all(all.map((key) => redis.hget(key, PROGRESS_FIELD))));
    return texts.map((text) => (text === null ? 0 : (JSON.parse(text) as Progress).position));
  }

  async #make({ spaceId, day, marks }: Due, closedMs: number): Promise<void> {
    const { redis, influx, ownership } = this.#parts;
    const owner = ownership.partition;
    const cursors = await this.#cursors();
    const ofDay = marks.filter((mark) => dayOf(mark) === day);
    const writing = new Set(ofDay.filter((mark) => !isWritten(mark, cursors)).map(bucketOf));
    const hours = ofDay.filter((mark) => mark.level === 'hour');
    const closed = hours.filter((mark) => endMs(mark) <= closedMs && !writing.has(bucketOf(mark)));
    const version = await temporarily(() => redis.incr(keys.rollupVersion(owner)));
    if (closed.length > 0) {
      const numbers = [...new Set(closed.map((mark) => mark.number))];
      await influx.write(ROLLUP_BUCKET, await this.#hourLines(spaceId, numbers, version));
      await this.#unmark(spaceId, closed);
    }
    const days = ofDay.filter((mark) => mark.level === 'day');
    const isOver = (day + 1) * DAY_MS <= closedMs && closed.length === hours.length && writing.size === 0;
    if (!isOver || days.length === 0) return;
    const range = { space: spaceId, startMs: day * DAY_MS, stopMs: (day + 1) * DAY_MS };
    const all = hoursOf(await rowsOf(influx, 'hours-of-space', range));
    await influx.write(ROLLUP_BUCKET, [
      dayHoursLine(spaceId, day * DAY_MS, all, version),
      rollupLine('day', spaceId, day * DAY_MS, joined(all), version),
    ]);
    await this.#unmark(spaceId, days);
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

  async #unmark(spaceId: string, marks: readonly SetMark[]): Promise<void> {
    const { redis, ownership } = this.#parts;
    const owner = ownership.partition;
    const args = marks.flatMap(({ field, value }) => [field, value]);
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

/** Rows of one day's hours, in order. */
function hoursOf(rows: readonly Record<string, string>[]): HourOfDay[] {
  const hours = rows.map((row) => {
    const number = (name: string) => Number(row[name]);
    const sums = { entrances: number('entrances'), exits: number('exits') };
    const hour = Math.floor(placeOf(row['_time']).timestampMs / HOUR_MS) % HOURS_PER_DAY;
    return { hour, ...sums, lowest: number('lowest'), highest: number('highest') };
  });
  return hours.sort((one, other) => one.hour - other.hour);
}

/** Hours in order, as one day. */
function joined(hours: readonly HourOfDay[]): Rollup {
  const day = { entrances: 0, exits: 0, lowest: 0, highest: 0 };
  for (const { entrances, exits, lowest, highest } of hours) {
    const net = day.entrances - day.exits;
    day.lowest = Math.min(day.lowest, net + lowest);
    day.highest = Math.max(day.highest, net + highest);
    day.entrances += entrances;
    day.exits += exits;
  }
  return day;
}

function isWritten({ value, partition }: SetMark, cursors: readonly number[]): boolean {
  return positionOf(value) <= (cursors[partition] ?? 0);
}

function bucketOf({ level, number }: Mark): string {
  return `${level} ${number}`;
}

function dayOf({ level, number }: Mark): number {
  return level === 'day' ? number : Math.floor(number / HOURS_PER_DAY);
}

function endMs({ level, number }: Mark): number {
  return (number + 1) * (level === 'day' ? DAY_MS : HOUR_MS);
}
