// Recounts to be done, as they stand in Redis: one for each fact, and its parts, one for each DPU and period that it maps differently.
import type { Redis } from 'ioredis';
import { OLDEST_EVENT_MS } from '../../event.ts';
import type { DpuId, SpaceId } from '../../ids.ts';
import type { Mapping } from '../../mapping.ts';
import type { TakenFact } from '../history.ts';
import { END_OF_TIME_MS } from './influx-rows.ts';
import { keys } from './keys.ts';
import { changesOf } from './recount.ts';

/** A recount of one partition; `total` is an estimate until it is done. */
export type RecountJob = {
  readonly fact: number;
  readonly recordedAtMs: number;
  /** Of the fact in the partition's journal: events after it are mapped by it already. */
  readonly position: number;
  readonly spaces: readonly SpaceId[];
  readonly fromMs: number;
  readonly untilMs: number;
  readonly total: number;
  readonly done: number;
  /** The piece whose points may have been written: of each part, until when. Null: none. */
  readonly begun: readonly Slice[] | null;
};

/** What is left of a part: events of the DPU in [fromMs, untilMs) are `becomes`, no longer `was`. */
export type RecountPart = {
  readonly fact: number;
  readonly number: number;
  readonly dpuId: DpuId;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly was: Mapping;
  readonly becomes: Mapping;
  /** Events in it, those after the fact included; null: not counted yet. */
  readonly events: number | null;
};

/** [fromMs, untilMs) of a part. */
export type Slice = { readonly number: number; readonly fromMs: number; readonly untilMs: number };

/** The recounts of a partition that are not done, the oldest first. */
export class RecountJobs {
  readonly jobs = new Map<number, RecountJob>();
  readonly parts = new Map<string, RecountPart>();

  static async read(redis: Redis, partition: number): Promise<RecountJobs> {
    const read = new RecountJobs();
    const [jobs, parts] = await Promise.all([
      redis.hvals(keys.recounts(partition)),
      redis.hvals(keys.recountParts(partition)),
    ]);
    for (const job of jobs.map(jobOf).sort((one, other) => one.fact - other.fact)) read.jobs.set(job.fact, job);
    const ofJobs = parts.map((text) => JSON.parse(text) as RecountPart);
    for (const part of ofJobs.sort((one, other) => one.fact - other.fact || one.number - other.number)) {
      read.parts.set(fieldOf(part), part);
    }
    return read;
  }

  oldest(): RecountJob | undefined {
    return this.jobs.values().next().value;
  }

  /** Of the oldest recount; in order. */
  partsOf(fact: number): RecountPart[] {
    const found: RecountPart[] = [];
    for (const part of this.parts.values()) if (part.fact === fact) found.push(part);
    return found;
  }

  draft(): RecountDraft {
    return new RecountDraft(this);
  }
}

/** What a commit changes in them. */
export class RecountDraft {
  readonly #jobs: RecountJobs;
  readonly #put = new Map<number, RecountJob>();
  readonly #done: RecountJob[] = [];
  readonly #putParts = new Map<string, RecountPart>();
  readonly #dropped: string[] = [];

  constructor(jobs: RecountJobs) {
    this.#jobs = jobs;
  }

  /** Remembers what the fact maps differently, of DPUs that have ever sent an event. */
  open(
    { factNumber: fact, recordedAtMs, remappings }: TakenFact,
    position: number,
    hasSent: (dpuId: DpuId) => boolean,
  ) {
    const spaces = new Set<SpaceId>();
    let [start, end] = [END_OF_TIME_MS, OLDEST_EVENT_MS];
    let number = 0;
    for (const { dpuId, was, becomes, ...span } of remappings) {
      const fromMs = Math.max(span.fromMs, OLDEST_EVENT_MS);
      const untilMs = Math.min(span.untilMs, END_OF_TIME_MS);
      if (fromMs >= untilMs || !hasSent(dpuId)) continue;
      for (const { spaceId } of changesOf({ was, becomes }, 1)) spaces.add(spaceId as SpaceId);
      [start, end] = [Math.min(start, fromMs), Math.max(end, untilMs)];
      this.putPart({ fact, number: number++, dpuId, fromMs, untilMs, was, becomes, events: null });
    }
    if (number === 0) return;
    const counted = { total: 0, done: 0, begun: null };
    this.put({ fact, recordedAtMs, position, spaces: [...spaces].sort(), fromMs: start, untilMs: end, ...counted });
  }

  put(job: RecountJob): void {
    this.#put.set(job.fact, job);
  }

  putPart(part: RecountPart): void {
    this.#putParts.set(fieldOf(part), part);
  }

  drop(part: RecountPart): void {
    this.#dropped.push(fieldOf(part));
  }

  finish(job: RecountJob): void {
    this.#done.push(job);
  }

  /** The oldest fact whose recount is open once this is stored; null: none. */
  oldest(): number | null {
    const gone = new Set(this.#done.map(({ fact }) => fact));
    for (const fact of [...this.#jobs.jobs.keys(), ...this.#put.keys()]) if (!gone.has(fact)) return fact;
    return null;
  }

  /** Three lists for late-commit.lua: open ones and done ones (fact, job), parts (field, part or '' for one that is done). */
  lists(): [(string | number)[], (string | number)[], string[]] {
    return [
      [...this.#put].flatMap(([fact, job]) => [fact, JSON.stringify(job)]),
      // One that found no event was none.
      this.#done.flatMap((job) => [job.fact, job.done === 0 ? '' : JSON.stringify(job)]),
      [
        ...[...this.#putParts].flatMap(([field, part]) => [field, JSON.stringify(part)]),
        ...this.#dropped.flatMap((field) => [field, '']),
      ],
    ];
  }

  /** Call once stored. */
  take(): void {
    const { jobs, parts } = this.#jobs;
    for (const [fact, job] of this.#put) jobs.set(fact, job);
    for (const { fact } of this.#done) jobs.delete(fact);
    for (const [field, part] of this.#putParts) parts.set(field, part);
    for (const field of this.#dropped) parts.delete(field);
  }
}

export function jobOf(text: string): RecountJob {
  return JSON.parse(text) as RecountJob;
}

function fieldOf({ fact, number }: Pick<RecountPart, 'fact' | 'number'>): string {
  return `${fact}:${number}`;
}
