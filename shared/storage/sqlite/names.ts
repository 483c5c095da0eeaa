// DPUs, spaces and mappings by number: the writer's side, which gives out the numbers and keeps all of them in memory.
import type { DatabaseSync } from 'node:sqlite';
import type { DpuId, SpaceId } from '../../ids.ts';
import { type Mapping, type MappingStatus, mappingKey } from '../../mapping.ts';

/** The spaces of a mapping by number. */
export type Effect = {
  readonly status: MappingStatus;
  readonly enters: readonly number[];
  readonly leaves: readonly number[];
};

export type DpuNumber = { readonly number: number; firstHour: number; lastHour: number };

export class Names {
  readonly #database: DatabaseSync;
  readonly #dpus = new Map<DpuId, DpuNumber>();
  readonly #spaces = new Map<SpaceId, number>();
  readonly #spaceIds: SpaceId[] = [];
  readonly #numbers = new Map<string, number>();
  /** Mappings are shared objects, so most look-ups end here. */
  readonly #known = new WeakMap<Mapping, number>();
  /** By mapping number. */
  readonly effects: Effect[] = [];

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.load();
  }

  /** Reads everything anew; call after a transaction that was undone. */
  load(): void {
    this.#dpus.clear();
    this.#spaces.clear();
    this.#spaceIds.length = 0;
    this.#numbers.clear();
    this.effects.length = 0;
    for (const row of this.#database.prepare('SELECT number, id, first_hour, last_hour FROM dpu').iterate()) {
      const [firstHour, lastHour] = [Number(row['first_hour']), Number(row['last_hour'])];
      this.#dpus.set(row['id'] as DpuId, { number: Number(row['number']), firstHour, lastHour });
    }
    for (const row of this.#database.prepare('SELECT number, id FROM space').iterate()) {
      this.#spaces.set(row['id'] as SpaceId, Number(row['number']));
      this.#spaceIds[Number(row['number'])] = row['id'] as SpaceId;
    }
    for (const row of this.#database.prepare('SELECT number, status, enters, leaves FROM mapping').iterate()) {
      const effect = effectOf(row);
      const ids = (numbers: readonly number[]) => numbers.map((number) => this.spaceId(number)).sort();
      const mapping = { status: effect.status, enters: ids(effect.enters), leaves: ids(effect.leaves) };
      this.effects[Number(row['number'])] = effect;
      this.#numbers.set(mappingKey(mapping), Number(row['number']));
    }
  }

  /** The DPU's number, if it has any events. */
  knownDpu(id: DpuId): DpuNumber | undefined {
    return this.#dpus.get(id);
  }

  /** The DPU's number, given out now if need be; `hour` is taken into its range of hours. */
  dpu(id: DpuId, hour: number): number {
    let dpu = this.#dpus.get(id);
    if (dpu === undefined) {
      const { lastInsertRowid } = this.#database
        .prepare('INSERT INTO dpu (id, first_hour, last_hour) VALUES (?, ?, ?)')
        .run(id, hour, hour);
      dpu = { number: Number(lastInsertRowid), firstHour: hour, lastHour: hour };
      this.#dpus.set(id, dpu);
    } else if (hour < dpu.firstHour || hour > dpu.lastHour) {
      dpu.firstHour = Math.min(hour, dpu.firstHour);
      dpu.lastHour = Math.max(hour, dpu.lastHour);
      this.#database
        .prepare('UPDATE dpu SET first_hour = ?, last_hour = ? WHERE number = ?')
        .run(dpu.firstHour, dpu.lastHour, dpu.number);
    }
    return dpu.number;
  }

  space(id: SpaceId): number {
    let number = this.#spaces.get(id);
    if (number === undefined) {
      number = Number(this.#database.prepare('INSERT INTO space (id) VALUES (?)').run(id).lastInsertRowid);
      this.#spaces.set(id, number);
      this.#spaceIds[number] = id;
    }
    return number;
  }

  /** The opposite of `space`, of a number given out. */
  spaceId(number: number): SpaceId {
    const id = this.#spaceIds[number];
    if (id === undefined) throw new Error(`no space has number ${number}`);
    return id;
  }

  mapping(mapping: Mapping): number {
    const known = this.#known.get(mapping);
    if (known !== undefined && this.effects[known] !== undefined) return known;
    const key = mappingKey(mapping);
    const number = this.#numbers.get(key) ?? this.#addMapping(mapping, key);
    this.#known.set(mapping, number);
    return number;
  }

  #addMapping(mapping: Mapping, key: string): number {
    const effect: Effect = {
      status: mapping.status,
      enters: mapping.enters.map((id) => this.space(id)),
      leaves: mapping.leaves.map((id) => this.space(id)),
    };
    const { lastInsertRowid } = this.#database
      .prepare('INSERT INTO mapping (status, enters, leaves) VALUES (?, ?, ?)')
      .run(effect.status, JSON.stringify(effect.enters), JSON.stringify(effect.leaves));
    const number = Number(lastInsertRowid);
    this.effects[number] = effect;
    this.#numbers.set(key, number);
    return number;
  }
}

/** A row of `mapping`. */
export function effectOf(row: Record<string, unknown>): Effect {
  return {
    status: row['status'] as MappingStatus,
    enters: JSON.parse(String(row['enters'])) as number[],
    leaves: JSON.parse(String(row['leaves'])) as number[],
  };
}
