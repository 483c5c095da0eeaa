// One hour of an audit: its events mapped anew by the facts, and all that is kept of the hour held against that.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { DpuId } from '../../ids.ts';
import type { MappingStep, Sums, Truth } from '../history.ts';
import { type Delta, foldProfile } from './deltas.ts';
import { minutesOf } from './extremes.ts';
import { packMinutes, unpackMinutes } from './minutes.ts';
import type { Names } from './names.ts';
import { type EventRow, packSeconds, SECONDS_PER_HOUR, timestampOf, unpackSeconds } from './raw-events.ts';

type Fault = { readonly space: number | null; readonly detail: string };

export type HourFindings = {
  readonly events: number;
  /** By space number: of the hour's deltas, and of those after the start of its live count. */
  readonly sums: ReadonlyMap<number, Sums>;
  readonly since: ReadonlyMap<number, Sums>;
  readonly faults: readonly Fault[];
};

export class AuditHour {
  readonly #names: Names;
  readonly #truth: Truth;
  readonly #repair: boolean;
  readonly #dpuIds = new Map<number, DpuId>();
  readonly #statements: Record<string, StatementSync>;

  constructor(database: DatabaseSync, names: Names, truth: Truth, repair: boolean) {
    this.#names = names;
    this.#truth = truth;
    this.#repair = repair;
    for (const row of database.prepare('SELECT number, id FROM dpu').iterate()) {
      this.#dpuIds.set(Number(row['number']), row['id'] as DpuId);
    }
    const key = 'second = ? AND dpu = ? AND ms = ? AND direction = ? AND epoch = ? AND seq = ?';
    this.#statements = {
      events: database.prepare('SELECT * FROM event WHERE second >= ? AND second < ?'),
      differences: database.prepare(`SELECT cause, becomes, recorded_at FROM difference WHERE ${key} ORDER BY cause`),
      setMapping: database.prepare(`UPDATE event SET mapping = ? WHERE ${key}`),
      dropDifferences: database.prepare(`DELETE FROM difference WHERE ${key}`),
      addDifference: database.prepare('INSERT INTO difference VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
      hours: database.prepare('SELECT * FROM rollup_hour WHERE hour = ?'),
      dropHour: database.prepare('DELETE FROM rollup_hour WHERE hour = ? AND space = ?'),
      putHour: database.prepare('INSERT OR REPLACE INTO rollup_hour VALUES (?, ?, ?, ?, ?, ?, ?)'),
      seconds: database.prepare('SELECT dpu, seconds FROM dpu_hour WHERE hour = ?'),
      dropSeconds: database.prepare('DELETE FROM dpu_hour WHERE hour = ? AND dpu = ?'),
      putSeconds: database.prepare('INSERT OR REPLACE INTO dpu_hour VALUES (?, ?, ?)'),
    };
    this.#statement('events').setReturnArrays(true);
  }

  /** Call within one transaction. */
  check(hour: number, startOf: ReadonlyMap<number, number>): HourFindings {
    const faults: Fault[] = [];
    const deltas = new Map<number, Delta[]>();
    const seconds = new Map<number, Set<number>>();
    const rows = this.#statement('events').all(hour * SECONDS_PER_HOUR, (hour + 1) * SECONDS_PER_HOUR);
    for (const row of rows as unknown as EventRow[]) {
      const mapping = this.#checkMapping(row, faults);
      addDeltas(deltas, row, mapping, this.#names);
      seconds.set(row[1], (seconds.get(row[1]) ?? new Set()).add(row[0]));
    }
    this.#checkSeconds(hour, seconds, faults);
    this.#checkRollups(hour, deltas, faults);
    const sums = new Map<number, Sums>();
    const since = new Map<number, Sums>();
    for (const [space, of] of deltas) {
      sums.set(space, sumOf(of));
      const startMs = startOf.get(space) ?? Number.NEGATIVE_INFINITY;
      since.set(space, sumOf(of.filter((delta) => delta.atMs > startMs)));
    }
    return { events: rows.length, sums, since, faults };
  }

  /** Answers the number of the mapping that the event should have by all facts. */
  #checkMapping(row: EventRow, faults: Fault[]): number {
    const key = row.slice(0, 6);
    const recordedAtMs = timestampOf(row) + row[6];
    const steps = this.#truth(this.#dpuIds.get(row[1]) as DpuId, timestampOf(row), recordedAtMs);
    const right = steps.map((step) => ({ ...step, number: this.#names.mapping(step.mapping) }));
    const current = right.at(-1)?.number as number;
    const differences = this.#statement('differences').all(...key);
    const kept = [{ recordedAtMs, number: row[8] }];
    for (const difference of differences) {
      kept.push({ recordedAtMs: Number(difference['recorded_at']), number: Number(difference['becomes']) });
    }
    if (sameSteps(kept, right)) return current;
    const names = (list: readonly { number: number }[]) => list.map(({ number }) => number).join(' → ');
    const at = `event of DPU ${this.#dpuIds.get(row[1])} at ${new Date(timestampOf(row)).toISOString()}`;
    faults.push({ space: null, detail: `${at}: mapped ${names(kept)}, should be ${names(right)}` });
    if (this.#repair) this.#rewriteMapping(key, right);
    return current;
  }

  #rewriteMapping(key: readonly number[], right: readonly (MappingStep & { number: number })[]): void {
    this.#statement('dropDifferences').run(...key);
    for (const [index, step] of right.entries()) {
      const before = right[index - 1];
      if (before === undefined) this.#statement('setMapping').run(step.number, ...key);
      else this.#statement('addDifference').run(...key, step.cause, before.number, step.number, step.recordedAtMs);
    }
  }

  #checkSeconds(hour: number, right: ReadonlyMap<number, ReadonlySet<number>>, faults: Fault[]): void {
    const kept = new Map<number, number[]>();
    for (const row of this.#statement('seconds').all(hour)) {
      kept.set(Number(row['dpu']), unpackSeconds(hour, row['seconds'] as Uint8Array));
    }
    for (const dpu of new Set([...right.keys(), ...kept.keys()])) {
      const list = [...(right.get(dpu) ?? [])];
      if (list.join() === (kept.get(dpu) ?? []).join()) continue;
      faults.push({ space: null, detail: `index of DPU ${this.#dpuIds.get(dpu)} in hour ${hour}` });
      if (!this.#repair) continue;
      if (list.length === 0) this.#statement('dropSeconds').run(hour, dpu);
      else this.#statement('putSeconds').run(hour, dpu, packSeconds(list.map((second) => second % SECONDS_PER_HOUR)));
    }
  }

  #checkRollups(hour: number, deltas: ReadonlyMap<number, Delta[]>, faults: Fault[]): void {
    const kept = new Map(
      this.#statement('hours')
        .all(hour)
        .map((row) => [Number(row['space']), row]),
    );
    for (const space of new Set([...deltas.keys(), ...kept.keys()])) {
      const minutes = minutesOf(deltas.get(space) ?? []).filter(
        (minute) => minute.entrances !== 0 || minute.exits !== 0,
      );
      const whole = { entrances: 0, exits: 0, lowest: 0, highest: 0 };
      for (const minute of minutes) foldProfile(whole, minute);
      const row = kept.get(space);
      const isStale = row?.['lowest'] === null;
      const shape = (list: typeof minutes) =>
        list.map((each) =>
          [each.minute, each.entrances, each.exits, ...(isStale ? [] : [each.lowest, each.highest])].join(),
        );
      const keptMinutes = row === undefined ? [] : unpackMinutes(row['minutes'] as Uint8Array);
      const sumsEqual =
        Number(row?.['entrances'] ?? 0) === whole.entrances && Number(row?.['exits'] ?? 0) === whole.exits;
      const extremesEqual =
        isStale || (Number(row?.['lowest'] ?? 0) === whole.lowest && Number(row?.['highest'] ?? 0) === whole.highest);
      if (sumsEqual && extremesEqual && shape(keptMinutes).join(';') === shape(minutes).join(';')) continue;
      faults.push({ space, detail: `rollup of hour ${hour}` });
      if (!this.#repair) continue;
      const { entrances, exits, lowest, highest } = whole;
      if (minutes.length === 0) this.#statement('dropHour').run(hour, space);
      else this.#statement('putHour').run(hour, space, entrances, exits, lowest, highest, packMinutes(minutes));
    }
  }

  #statement(name: string): StatementSync {
    return this.#statements[name] as StatementSync;
  }
}

/** Equal as answers: what held after everything recorded at one instant, instant by instant. */
function sameSteps(
  one: readonly { recordedAtMs: number; number: number }[],
  other: readonly { recordedAtMs: number; number: number }[],
): boolean {
  const settled = (steps: typeof one) => {
    const last = steps.filter((step, index) => steps[index + 1]?.recordedAtMs !== step.recordedAtMs);
    const moved = last.filter((step, index) => last[index - 1]?.number !== step.number);
    return moved.map((step) => `${step.recordedAtMs} ${step.number}`).join();
  };
  return settled(one) === settled(other);
}

function addDeltas(deltas: Map<number, Delta[]>, row: EventRow, mapping: number, names: Names): void {
  const effect = names.effects[mapping];
  if (effect === undefined) return;
  const atMs = timestampOf(row);
  const [entered, left] = row[3] === 1 ? [effect.enters, effect.leaves] : [effect.leaves, effect.enters];
  const add = (space: number, delta: Delta) => {
    const list = deltas.get(space);
    if (list === undefined) deltas.set(space, [delta]);
    else list.push(delta);
  };
  for (const space of entered) add(space, { atMs, entrances: 1, exits: 0 });
  for (const space of left) add(space, { atMs, entrances: 0, exits: 1 });
}

function sumOf(deltas: readonly Delta[]): Sums {
  let entrances = 0;
  let exits = 0;
  for (const delta of deltas) {
    entrances += delta.entrances;
    exits += delta.exits;
  }
  return { entrances, exits };
}
