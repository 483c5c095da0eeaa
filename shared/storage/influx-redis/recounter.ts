// A recount, piece by piece: the events stored before a fact that maps them differently get a difference each.
//
//   parts ─▶ count their events ─▶ a piece: some thousand events ─▶ say so ─▶ marks ─▶ difference points ─▶ marks ─▶ commit
//
// What a piece is was stored before any of its points is written. So whoever goes on after a crash does that very piece
// again, which writes the same points, and until then nobody takes the points for what has been counted.
import type { DpuId } from '../../ids.ts';
import { FencedError } from '../fenced.ts';
import type { EndOfEvent } from '../history.ts';
import { type HistoryParts, numberOf } from './history-parts.ts';
import { fluxOf, id, instant, rowsOf } from './influx-rows.ts';
import { placeOf } from './judge.ts';
import { keys } from './keys.ts';
import { begin, type LateCommit } from './late-commit.ts';
import { HOUR_MS, Marking } from './marking.ts';
import { deltaLine, type Placed, RAW_BUCKET } from './points.ts';
import { changesOf } from './recount.ts';
import type { RecountDraft, RecountJob, RecountJobs, RecountPart, Slice } from './recount-jobs.ts';
import { addDelta } from './space-state.ts';

/** Events recounted in one commit: some 200 ms, for which the history group's intake waits. */
const EVENTS_PER_PIECE = 4_000;
/** Each is a stream of the query; 50 take some 80 ms. */
const PARTS_PER_QUERY = 40;

/** Later than any cursor: what is marked so is not rolled up before it is marked again. */
const BEING_WRITTEN = Number.MAX_SAFE_INTEGER;

type Recorded = Placed & { readonly position: number; readonly recordedAtMs: number };
type Hour = { readonly endMs: number; readonly events: number };

export class Recounter {
  readonly #parts: HistoryParts;
  readonly #jobs: RecountJobs;
  /** Of the part that is larger than a piece, the hours from `fromMs` on that have events. */
  #hours: { readonly fact: number; readonly number: number; readonly hours: Hour[] } | null = null;

  constructor(parts: HistoryParts, jobs: RecountJobs) {
    this.#parts = parts;
    this.#jobs = jobs;
  }

  /** Does a piece of the oldest recount. `position`: the cursor, which stands still meanwhile. */
  async advance(newCommit: () => LateCommit, position: number, endOf: EndOfEvent): Promise<void> {
    const job = this.#jobs.oldest();
    if (job === undefined) return;
    if (job.begun === null) {
      const counting = newCommit();
      if (await this.#count(job, counting.recounts)) return counting.store();
    }
    const begun = job.begun === null ? await this.#begin(job) : job;
    const commit = newCommit();
    const { marking, lines } = await this.#differences(begun, commit, endOf);
    if (lines.length > 0) {
      const { redis, influx, partitions, ownership } = this.#parts;
      await marking.set(redis, partitions, BEING_WRITTEN);
      if (ownership.lost.aborted) throw new FencedError('the partition has been given up');
      await influx.write(RAW_BUCKET, lines);
      await marking.set(redis, partitions, position);
    }
    await commit.store();
  }

  /** Only once: what has been committed meanwhile, its answer lost, would be taken back. */
  async #begin(job: RecountJob): Promise<RecountJob> {
    const begun = { ...job, begun: await this.#next(job) };
    await begin(this.#parts, keys.recounts(this.#parts.ownership.partition), job.fact, JSON.stringify(begun));
    this.#jobs.jobs.set(job.fact, begun);
    return begun;
  }

  /** Counts the events of some parts that have not been; false when there is none. */
  async #count(job: RecountJob, recounts: RecountDraft): Promise<boolean> {
    const all = this.#jobs.partsOf(job.fact);
    const parts = all.filter(({ events }) => events === null).slice(0, PARTS_PER_QUERY);
    if (parts.length === 0) return false;
    const yields = parts.map(
      ({ dpuId, fromMs, untilMs }, index) =>
        `numberOf(dpu: ${id(dpuId)}, start: ${instant(fromMs)}, stop: ${instant(untilMs)}) |> yield(name: "${index}")`,
    );
    const rows = await this.#parts.influx.query(`${fluxOf('count-of-dpu', {})}\n${yields.join('\n')}\n`);
    const counted = new Map(rows.map((row) => [Number(row['result']), Number(row['_value'])]));
    let total = 0;
    for (const [index, part] of parts.entries()) {
      const events = counted.get(index) ?? 0;
      total += events;
      if (events === 0) recounts.drop(part);
      else recounts.putPart({ ...part, events });
    }
    const grown = { ...job, total: job.total + total };
    if (total === 0 && parts.length === all.length) recounts.finish({ ...grown, total: grown.done });
    else recounts.put(grown);
    return true;
  }

  /** The piece that comes next; all its parts have been counted. */
  async #next({ fact }: RecountJob): Promise<Slice[]> {
    const slices: Slice[] = [];
    let events = 0;
    for (const part of this.#jobs.partsOf(fact)) {
      const { number, fromMs, untilMs } = part;
      const more = part.events ?? 0;
      if (slices.length === PARTS_PER_QUERY || (slices.length > 0 && events + more > EVENTS_PER_PIECE)) break;
      const endMs = more > EVENTS_PER_PIECE ? await this.#endOfPiece(part) : untilMs;
      slices.push({ number, fromMs, untilMs: endMs });
      events += more;
    }
    return slices;
  }

  /** The difference points of a piece, and what they change. */
  async #differences(job: RecountJob, { draft, recounts, feed }: LateCommit, endOf: EndOfEvent) {
    const { ownership, live } = this.#parts;
    const { partition } = ownership;
    const { fact: cause, begun } = job;
    const marking = new Marking(partition);
    const lines: string[] = [];
    let done = 0;
    const parts = this.#jobs.partsOf(cause);
    const found = await this.#read(parts, begun ?? []);
    for (const [slice, events] of found) {
      const part = parts.find(({ number }) => number === slice.number) as RecountPart;
      const number = numberOf(live, part.dpuId);
      const changes = { 1: changesOf(part, 1), [-1]: changesOf(part, -1) } as const;
      for (const event of events) {
        if (event.position > job.position) continue;
        done += 1;
        const { timestampMs, slot } = event;
        const recordedAtMs = Math.max(job.recordedAtMs, event.recordedAtMs);
        for (const delta of changes[slot % 2 === 0 ? 1 : -1]) {
          marking.add(delta.spaceId, timestampMs);
          addDelta(draft.space(delta.spaceId), delta, timestampMs, 'all');
          lines.push(deltaLine(event, delta, { number, partition }, { cause }));
          feed.delta(delta, timestampMs, { kind: 'recount', fact: cause, recordedAtMs }, endOf);
        }
      }
      if (slice.untilMs === part.untilMs) recounts.drop(part);
      else {
        const left = Math.max(0, (part.events ?? 0) - events.length);
        recounts.putPart({ ...part, fromMs: slice.untilMs, events: left });
      }
    }
    const total = Math.max(job.total, job.done + done);
    const after = { ...job, begun: null, done: job.done + done, total };
    const isLast = parts.every((part) =>
      found.some(([{ number, untilMs }]) => number === part.number && untilMs === part.untilMs),
    );
    if (isLast) recounts.finish({ ...after, total: after.done });
    else recounts.put(after);
    return { marking, lines };
  }

  async #read(parts: readonly RecountPart[], slices: readonly Slice[]): Promise<[Slice, Recorded[]][]> {
    const dpuOf = ({ number }: Slice) => (parts.find((part) => part.number === number) as RecountPart).dpuId;
    const streams = slices.map(
      (slice) => `events(dpu: ${id(dpuOf(slice))}, start: ${instant(slice.fromMs)}, stop: ${instant(slice.untilMs)})`,
    );
    const all = streams.length === 1 ? streams[0] : `union(tables: [${streams.join(', ')}])`;
    const rows = await this.#parts.influx.query(`${fluxOf('recorded-of-dpu', {})}\n${all}\n`);
    const ofDpu = new Map<DpuId, Map<string, Record<string, number>>>();
    for (const row of rows) {
      const events = ofDpu.get(row['dpu'] as DpuId) ?? new Map<string, Record<string, number>>();
      ofDpu.set(row['dpu'] as DpuId, events);
      const time = String(row['_time']);
      events.set(time, { ...events.get(time), [String(row['_field'])]: Number(row['_value']) });
    }
    return slices.map((slice) => {
      const found: Recorded[] = [];
      for (const [time, { position = 0, recorded_at: recordedAtMs = 0 }] of ofDpu.get(dpuOf(slice)) ?? []) {
        const { timestampMs, offset: slot } = placeOf(time);
        if (timestampMs < slice.fromMs || timestampMs >= slice.untilMs) continue;
        found.push({ timestampMs, slot, position, recordedAtMs });
      }
      return [slice, found.sort((one, other) => one.timestampMs - other.timestampMs)];
    });
  }

  /** Whole hours until there are enough events, or until the end of the part. */
  async #endOfPiece(part: RecountPart): Promise<number> {
    const { fact, number, dpuId, fromMs, untilMs } = part;
    if (this.#hours?.fact !== fact || this.#hours.number !== number) {
      const rows = await rowsOf(this.#parts.influx, 'hours-of-dpu', { dpu: dpuId, startMs: fromMs, stopMs: untilMs });
      const hours = rows.map((row) => {
        const hour = Math.floor(placeOf(row['_time']).timestampMs / HOUR_MS);
        return { endMs: (hour + 1) * HOUR_MS, events: Number(row['_value']) };
      });
      this.#hours = { fact, number, hours: hours.sort((one, other) => one.endMs - other.endMs) };
    }
    let events = 0;
    for (const hour of this.#hours.hours) {
      if (hour.endMs <= fromMs) continue;
      events += hour.events;
      if (events >= EVENTS_PER_PIECE) return Math.min(hour.endMs, untilMs);
    }
    return untilMs;
  }
}
