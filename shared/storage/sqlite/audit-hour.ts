// One hour of an audit: its events mapped anew by the facts, and all that is kept of the hour held against that.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { DpuId } from '../../ids.ts';
import type { Sums, Truth } from '../history.ts';
import { type AuditedStep, AuditMappings, type Fault } from './audit-mappings.ts';
import { type Delta, foldProfile } from './deltas.ts';
import { EventHours } from './event-hours.ts';
import { type EventRow, SECONDS_PER_HOUR, timestampOf } from './event-row.ts';
import { minutesOf } from './extremes.ts';
import type { Shifts } from './late-ledger.ts';
import { packMinutes, unpackMinutes } from './minutes.ts';
import type { Effect, Names } from './names.ts';

export type HourFindings = {
  readonly events: number;
  /** By space number: of the hour's deltas, and of those after the start of its live count. */
  readonly sums: ReadonlyMap<number, Sums>;
  readonly since: ReadonlyMap<number, Sums>;
  readonly faults: readonly Fault[];
};

export class AuditHour {
  readonly #names: Names;
  readonly #mappings: AuditMappings;
  readonly #eventHours: EventHours;
  readonly #repair: boolean;
  readonly #dpuIds = new Map<number, DpuId>();
  readonly #statements: Record<string, StatementSync>;

  constructor(database: DatabaseSync, names: Names, truth: Truth, repair: boolean) {
    this.#names = names;
    this.#mappings = new AuditMappings(database, names, truth, repair);
    this.#eventHours = new EventHours(database);
    this.#repair = repair;
    for (const row of database.prepare('SELECT number, id FROM dpu').iterate()) {
      this.#dpuIds.set(Number(row['number']), row['id'] as DpuId);
    }
    this.#statements = {
      events: database.prepare('SELECT * FROM event WHERE second >= ? AND second < ?'),
      hours: database.prepare('SELECT * FROM rollup_hour WHERE hour = ?'),
      dropHour: database.prepare('DELETE FROM rollup_hour WHERE hour = ? AND space = ?'),
      putHour: database.prepare('INSERT OR REPLACE INTO rollup_hour VALUES (?, ?, ?, ?, ?, ?, ?)'),
    };
    this.#statement('events').setReturnArrays(true);
  }

  /** What the hour's differences come to is added to `shifts`. Call within one transaction. */
  check(hour: number, startOf: ReadonlyMap<number, number>, shifts: Shifts): HourFindings {
    const faults: Fault[] = [];
    const deltas = new Map<number, Delta[]>();
    const right: EventRow[] = [];
    const rows = this.#statement('events').all(hour * SECONDS_PER_HOUR, (hour + 1) * SECONDS_PER_HOUR);
    for (const [row, steps] of this.#mappings.check(hour, rows as unknown as EventRow[], faults)) {
      addDeltas(deltas, row, steps.at(-1)?.mapping as number, this.#names);
      addShifts(shifts, row, steps, this.#names);
      right.push(firstMapped(row, steps));
    }
    this.#checkPacked(hour, right, faults);
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

  #checkPacked(hour: number, right: readonly EventRow[], faults: Fault[]): void {
    for (const dpu of this.#eventHours.wrong(hour, right)) {
      faults.push({ space: null, detail: `packed events of DPU ${this.#dpuIds.get(dpu)} in hour ${hour}` });
      if (!this.#repair) continue;
      this.#eventHours.drop(hour, dpu);
      this.#eventHours.add(right.filter((row) => row[1] === dpu));
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

/** The row as it is in a store that is right. */
function firstMapped(row: EventRow, steps: readonly AuditedStep[]): EventRow {
  const mapping = steps[0]?.mapping as number;
  return mapping === row[8] ? row : [row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], mapping];
}

function addShifts(shifts: Shifts, row: EventRow, steps: readonly AuditedStep[], names: Names): void {
  for (const [index, { recordedAtMs, mapping }] of steps.entries()) {
    const before = steps[index - 1];
    if (before === undefined) continue;
    shifts.add(timestampOf(row), -row[3], names.effects[before.mapping] as Effect, recordedAtMs);
    shifts.add(timestampOf(row), row[3], names.effects[mapping] as Effect, recordedAtMs);
  }
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
