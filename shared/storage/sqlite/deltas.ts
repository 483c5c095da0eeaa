// Deltas read back from raw events and differences: what the sums of a span are when no rollup can tell.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Profile } from '../history.ts';
import { unpackEvents } from './difference-packing.ts';
import { Differences } from './differences.ts';
import { SECOND_MS } from './event-row.ts';
import { HOUR_MS } from './minutes.ts';
import { type Effect, effectOf } from './names.ts';

/** Changes of one space at one moment; several may share a moment. */
export type Delta = { readonly atMs: number; readonly entrances: number; readonly exits: number };

/** What mappings do to one space: by mapping number, what a +1 event is to it. */
export type SpaceEffects = {
  readonly entersBy: ReadonlySet<number>;
  readonly leavesBy: ReadonlySet<number>;
  readonly json: string;
};

/** Mappings as the database holds them, read again when there are more. */
export class MappingTable {
  readonly #newest: StatementSync;
  readonly #all: StatementSync;
  #count = 0;
  #effects: Effect[] = [];
  readonly #ofSpace = new Map<number, SpaceEffects>();

  constructor(database: DatabaseSync) {
    this.#newest = database.prepare('SELECT coalesce(max(number), 0) AS number FROM mapping');
    this.#all = database.prepare('SELECT number, status, enters, leaves FROM mapping');
  }

  /** By mapping number; as of the transaction this is called in. */
  effects(): readonly Effect[] {
    const newest = Number(this.#newest.get()?.['number']);
    if (newest !== this.#count) {
      this.#effects = [];
      for (const row of this.#all.iterate()) this.#effects[Number(row['number'])] = effectOf(row);
      this.#ofSpace.clear();
      this.#count = newest;
    }
    return this.#effects;
  }

  ofSpace(space: number): SpaceEffects {
    const effects = this.effects();
    let found = this.#ofSpace.get(space);
    if (found === undefined) {
      const numbers = [...effects.keys()].filter((number) => effects[number] !== undefined);
      const entersBy = new Set(numbers.filter((number) => effects[number]?.enters.includes(space)));
      const leavesBy = new Set(numbers.filter((number) => effects[number]?.leaves.includes(space)));
      found = { entersBy, leavesBy, json: JSON.stringify([...entersBy, ...leavesBy]) };
      this.#ofSpace.set(space, found);
    }
    return found;
  }
}

type Visit = (atMs: number, direction: number, mapping: number, weight: 1 | -1) => void;

export class Deltas {
  readonly #eventsOf: StatementSync;
  readonly #events: StatementSync;
  readonly #differences: Differences;

  constructor(database: DatabaseSync) {
    const events = 'SELECT second, ms, direction, mapping FROM event WHERE second >= ? AND second <= ?';
    this.#events = database.prepare(events);
    this.#eventsOf = database.prepare(`${events} AND mapping IN (SELECT value FROM json_each(?))`);
    for (const statement of [this.#events, this.#eventsOf]) statement.setReturnArrays(true);
    this.#differences = new Differences(database);
  }

  /** The deltas of a space in [fromMs, untilMs), in no order. */
  of(effects: SpaceEffects, fromMs: number, untilMs: number): Delta[] {
    const found: Delta[] = [];
    this.#visit(fromMs, untilMs, effects, (atMs, direction, mapping, weight) => {
      const isEntrance = direction === 1 ? effects.entersBy : effects.leavesBy;
      const isExit = direction === 1 ? effects.leavesBy : effects.entersBy;
      if (isEntrance.has(mapping)) found.push({ atMs, entrances: weight, exits: 0 });
      else if (isExit.has(mapping)) found.push({ atMs, entrances: 0, exits: weight });
    });
    return found;
  }

  /** The deltas of every space (by number) in [fromMs, untilMs), in no order. */
  ofAll(effects: readonly Effect[], fromMs: number, untilMs: number): Map<number, Delta[]> {
    const found = new Map<number, Delta[]>();
    const add = (space: number, delta: Delta) => {
      const deltas = found.get(space);
      if (deltas === undefined) found.set(space, [delta]);
      else deltas.push(delta);
    };
    this.#visit(fromMs, untilMs, null, (atMs, direction, mapping, weight) => {
      const effect = effects[mapping] as Effect;
      const [entered, left] = direction === 1 ? [effect.enters, effect.leaves] : [effect.leaves, effect.enters];
      for (const space of entered) add(space, { atMs, entrances: weight, exits: 0 });
      for (const space of left) add(space, { atMs, entrances: 0, exits: weight });
    });
    return found;
  }

  /** Every mapping of every event in [fromMs, untilMs) that was added or taken back; `of`: at least those that change this space. */
  #visit(fromMs: number, untilMs: number, of: SpaceEffects | null, visit: Visit): void {
    const first = Math.floor(fromMs / SECOND_MS);
    const last = Math.floor((untilMs - 1) / SECOND_MS);
    if (last < first) return;
    const isWithin = (atMs: number) => atMs >= fromMs && atMs < untilMs;
    type Row = [second: number, ms: number, direction: number, mapping: number];
    const events = of === null ? this.#events.iterate(first, last) : this.#eventsOf.iterate(first, last, of.json);
    for (const [second, ms, direction, mapping] of events as unknown as Iterable<Row>) {
      const atMs = second * SECOND_MS + ms;
      if (isWithin(atMs)) visit(atMs, direction, mapping, 1);
    }
    const [firstHour, lastHour] = [Math.floor(fromMs / HOUR_MS), Math.floor((untilMs - 1) / HOUR_MS)];
    for (const [, hour, , was, becomes, , packed] of this.#differences.between(firstHour, lastHour, of)) {
      for (const { atMs, direction } of unpackEvents(hour, packed)) {
        if (!isWithin(atMs)) continue;
        visit(atMs, direction, was, -1);
        visit(atMs, direction, becomes, 1);
      }
    }
  }
}

/** The profile of `deltas`, which it puts in order. The running sum is looked at after each moment, not within one. */
export function profileOf(deltas: Delta[]): Profile {
  deltas.sort((one, other) => one.atMs - other.atMs);
  const profile = { entrances: 0, exits: 0, lowest: 0, highest: 0 };
  for (const [index, delta] of deltas.entries()) {
    profile.entrances += delta.entrances;
    profile.exits += delta.exits;
    if (deltas[index + 1]?.atMs === delta.atMs) continue;
    const count = profile.entrances - profile.exits;
    if (count < profile.lowest) profile.lowest = count;
    if (count > profile.highest) profile.highest = count;
  }
  return profile;
}

/** The profile of one span followed by another; `into` becomes it. */
export function foldProfile(into: { -readonly [Key in keyof Profile]: number }, next: Profile): void {
  const opening = into.entrances - into.exits;
  into.lowest = Math.min(into.lowest, opening + next.lowest);
  into.highest = Math.max(into.highest, opening + next.highest);
  into.entrances += next.entrances;
  into.exits += next.exits;
}
