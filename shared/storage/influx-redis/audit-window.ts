// Some hours of a partition: the deltas that its raw events make by the facts, against those that are stored.
import type { DpuId, SpaceId } from '../../ids.ts';
import { formatTimestamp } from '../../timestamp.ts';
import type { Sums, Truth } from '../history.ts';
import type { HistoryParts } from './history-parts.ts';
import { rowsOf } from './influx-rows.ts';
import { placeOf } from './judge.ts';
import { Marking } from './marking.ts';
import { deltaLine, RAW_BUCKET } from './points.ts';
import { stepOf, walk } from './profile.ts';
import { changesOf } from './recount.ts';
import { type Delta, deltasOf } from './space-state.ts';

/** The milliseconds of a space that are wrong, and what is wrong in the last of them. */
type Wrong = { readonly atMs: readonly number[]; readonly detail: string };
type Fault = { readonly spaceId: SpaceId | null; readonly detail: string };
/** What one event does to one space, all facts taken together. */
type Expected = Sums & { readonly spaceId: string; readonly atMs: number };

export type AuditedWindow = {
  readonly events: number;
  readonly expected: readonly Expected[];
  /** Net change by space, of the points that are stored. */
  readonly stored: ReadonlyMap<string, number>;
  readonly faults: readonly Fault[];
};

type Replayed = { readonly expected: Expected[]; readonly lines: string[]; readonly marking: Marking };

/** [startMs, stopMs) */
export type Window = { readonly startMs: number; stopMs: number };

export class AuditWindow {
  readonly #parts: HistoryParts;
  readonly #truth: Truth;
  readonly #repair: boolean;
  readonly #position: number;

  /** `position`: where the history group stands. */
  constructor(parts: HistoryParts, truth: Truth, { repair, position }: { repair: boolean; position: number }) {
    this.#position = position;
    this.#parts = parts;
    this.#truth = truth;
    this.#repair = repair;
  }

  async check({ startMs, stopMs }: Window): Promise<AuditedWindow> {
    const { influx, ownership } = this.#parts;
    const range = { partition: ownership.partition, startMs, stopMs };
    const [events, deltas] = [
      await rowsOf(influx, 'events-of-partition', range),
      await rowsOf(influx, 'deltas-of-partition', range),
    ];
    const faults: Fault[] = duplicatesAmong(events);
    const replayed = this.#replay(events);
    const wrong = differing(replayed.expected, deltas);
    for (const [spaceId, { detail }] of wrong) faults.push({ spaceId: spaceId as SpaceId, detail });
    if (this.#repair && wrong.size > 0) await this.#writeAnew(range, replayed, wrong);
    const stored = new Map<string, number>();
    for (const row of deltas) {
      stored.set(String(row['space']), (stored.get(String(row['space'])) ?? 0) + Number(row['_value']));
    }
    return { events: events.length, expected: replayed.expected, stored, faults };
  }

  #replay(events: readonly Record<string, string>[]): Replayed {
    const { live, ownership } = this.#parts;
    const { partition } = ownership;
    const made: Replayed = { expected: [], lines: [], marking: new Marking(partition) };
    for (const row of events) {
      const { timestampMs, offset: slot } = placeOf(row['_time']);
      const dpuId = row['dpu'] as DpuId;
      const direction = Number(row['direction']) === 1 ? 1 : -1;
      const number = live.numberOf(dpuId) ?? 0;
      let before: ReturnType<Truth>[number] | undefined;
      for (const step of this.#truth(dpuId, timestampMs, Number(row['recorded_at']))) {
        const changes: Delta[] =
          before === undefined
            ? deltasOf(step.mapping, direction)
            : changesOf({ was: before.mapping, becomes: step.mapping }, direction);
        const difference = step.cause === null ? undefined : { cause: step.cause };
        for (const delta of changes) {
          made.lines.push(deltaLine({ timestampMs, slot }, delta, { number, partition }, difference));
          made.marking.add(delta.spaceId, timestampMs);
        }
        before = step;
      }
      for (const { spaceId, sign } of before === undefined ? [] : deltasOf(before.mapping, direction)) {
        made.expected.push({ spaceId, atMs: timestampMs, entrances: sign === 1 ? 1 : 0, exits: sign === 1 ? 0 : 1 });
      }
    }
    return made;
  }

  /** Away from the normal path points may go: the deltas of these hours are made from its events once more. */
  async #writeAnew(
    { partition, startMs, stopMs }: { partition: number; startMs: number; stopMs: number },
    { lines, marking }: Replayed,
    wrong: ReadonlyMap<string, Wrong>,
  ): Promise<void> {
    const { redis, influx, partitions } = this.#parts;
    for (const [spaceId, { atMs }] of wrong) for (const each of atMs) marking.add(spaceId, each);
    await marking.set(redis, partitions, this.#position);
    await influx.remove(RAW_BUCKET, {
      startMs,
      stopMs,
      measurement: 'space_delta',
      tags: { partition: String(partition) },
    });
    await influx.write(RAW_BUCKET, lines);
    // Once more: the cursor stands still, so a rollup may have been made in between.
    await marking.set(redis, partitions, this.#position);
  }
}

/** For each space whose stored deltas sum up otherwise in any millisecond, what is wrong. */
function differing(expected: readonly Expected[], deltas: readonly Record<string, string>[]): Map<string, Wrong> {
  const sums = new Map<string, { spaceId: string; right: [number, number]; kept: [number, number] }>();
  const at = (spaceId: string, atMs: number) => {
    const key = `${spaceId} ${atMs}`;
    const known = sums.get(key) ?? { spaceId, right: [0, 0], kept: [0, 0] };
    sums.set(key, known);
    return known;
  };
  for (const { spaceId, atMs, entrances, exits } of expected) {
    const { right } = at(spaceId, atMs);
    right[0] += entrances;
    right[1] += exits;
  }
  for (const row of deltas) {
    const step = stepOf(row);
    const { kept } = at(String(row['space']), step.atMs);
    const { entrances, exits } = walk([step]);
    kept[0] += entrances;
    kept[1] += exits;
  }
  const wrong = new Map<string, Wrong>();
  for (const [key, { spaceId, right, kept }] of sums) {
    if (right[0] === kept[0] && right[1] === kept[1]) continue;
    const atMs = Number(key.split(' ')[1]);
    const detail = `${formatTimestamp(atMs)}: stored +${kept[0]} -${kept[1]}, should be +${right[0]} -${right[1]}`;
    wrong.set(spaceId, { atMs: [...(wrong.get(spaceId)?.atMs ?? []), atMs], detail });
  }
  return wrong;
}

function duplicatesAmong(events: readonly Record<string, string>[]): Fault[] {
  const seen = new Set<string>();
  const faults: Fault[] = [];
  for (const row of events) {
    const { timestampMs } = placeOf(row['_time']);
    const identity = [row['dpu'], timestampMs, row['direction'], row['epoch'] ?? '', row['seq'] ?? ''].join(' ');
    if (seen.has(identity)) faults.push({ spaceId: null, detail: `stored twice: ${identity}` });
    seen.add(identity);
  }
  return faults;
}
