// The late ledger: what was recorded after an instant, so that a count can be told as it was known then.
//
//   known at K = now - late events recorded since - events of the last minute before K recorded since - differences recorded since
//
// An event counts there as it was first mapped: what facts made of it since is among the differences, as are those of events
// known at K. hours of `shift_day`: the nets of hours 0, 1, ... of the day up to the last that is not 0 (varints, zigzag).
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { readVarint, unzigzag, writeVarint, zigzag } from '../varint.ts';
import { MappingTable, type SpaceEffects } from './deltas.ts';
import { unpackEvents } from './difference-packing.ts';
import { Differences } from './differences.ts';
import { LATE_AFTER_MS } from './event-row.ts';
import { SPACES_MAX } from './hour-sums.ts';
import { HOUR_MS } from './minutes.ts';
import type { Effect } from './names.ts';

const HOURS_PER_DAY = 24;
const DAY_MS = HOURS_PER_DAY * HOUR_MS;

export function packHours(nets: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  for (const net of nets.slice(0, nets.findLastIndex((value) => value !== 0) + 1)) writeVarint(bytes, zigzag(net));
  return Uint8Array.from(bytes);
}

/** The opposite; of all 24 hours. */
export function unpackHours(packed: Uint8Array | undefined): number[] {
  const nets = new Array<number>(HOURS_PER_DAY).fill(0);
  const cursor = { at: 0 };
  for (let hour = 0; packed !== undefined && cursor.at < packed.length; hour++) {
    nets[hour] = unzigzag(readVarint(packed, cursor));
  }
  return nets;
}

/** By recording, hour and space: how differences change the sums. */
export class Shifts {
  /** By recording, then by hour * SPACES_MAX + space. */
  readonly #nets = new Map<number, Map<number, number>>();

  /** The effect of a +1 at `atMs` is added `change` times, or taken back that often: that of events of its hour, their directions summed. */
  add(atMs: number, change: number, effect: Effect, recordedAtMs: number): void {
    const hour = Math.floor(atMs / HOUR_MS);
    let nets = this.#nets.get(recordedAtMs);
    if (nets === undefined) {
      nets = new Map();
      this.#nets.set(recordedAtMs, nets);
    }
    for (const space of effect.enters) addTo(nets, hour * SPACES_MAX + space, change);
    for (const space of effect.leaves) addTo(nets, hour * SPACES_MAX + space, -change);
  }

  /** `nets` of the 24 hours of the day. */
  *rows(): Generator<{ day: number; space: number; recordedAtMs: number; nets: readonly number[] }> {
    for (const [recordedAtMs, byHour] of this.#nets) {
      const days = new Map<number, number[]>();
      for (const [key, net] of byHour) {
        const [hour, space] = [Math.floor(key / SPACES_MAX), key % SPACES_MAX];
        const dayKey = Math.floor(hour / HOURS_PER_DAY) * SPACES_MAX + space;
        const nets = days.get(dayKey) ?? new Array<number>(HOURS_PER_DAY).fill(0);
        nets[hour % HOURS_PER_DAY] = net;
        days.set(dayKey, nets);
      }
      for (const [key, nets] of days) {
        yield { day: Math.floor(key / SPACES_MAX), space: key % SPACES_MAX, recordedAtMs, nets };
      }
    }
  }
}

function addTo(nets: Map<number, number>, key: number, change: number): void {
  nets.set(key, (nets.get(key) ?? 0) + change);
}

/** The writer's side. */
export class ShiftWriter {
  readonly #read: StatementSync;
  readonly #put: StatementSync;

  constructor(database: DatabaseSync) {
    this.#read = database.prepare('SELECT hours FROM shift_day WHERE day = ? AND space = ? AND recorded_at = ?');
    this.#put = database.prepare('INSERT OR REPLACE INTO shift_day VALUES (?, ?, ?, ?, ?)');
  }

  /** Call within the transaction that stores the differences. */
  write(shifts: Shifts): void {
    for (const { day, space, recordedAtMs, nets } of shifts.rows()) {
      const known = unpackHours(this.#read.get(day, space, recordedAtMs)?.['hours'] as Uint8Array | undefined);
      const hours = known.map((net, hour) => net + (nets[hour] as number));
      const net = hours.reduce((sum, value) => sum + value, 0);
      this.#put.run(day, space, recordedAtMs, net, packHours(hours));
    }
  }
}

/** The reader's side. Call within one transaction. */
export class LateLedger {
  readonly #late: StatementSync;
  readonly #onTime: StatementSync;
  readonly #firstDay: StatementSync;
  readonly #days: StatementSync;
  readonly #hours: StatementSync;
  readonly #differences: Differences;
  readonly #mappings: MappingTable;

  constructor(database: DatabaseSync) {
    const recordedAt = '1000 * second + ms + recorded_after_ms';
    const span = '1000 * second + ms >= ?1 AND 1000 * second + ms < ?2';
    // Hours of the span and of recording that go together: on time that is one of each alone. The plus takes the columns'
    // affinity away, which expressions of an index do not have: with it the index would be read whole.
    this.#late = database.prepare(
      `SELECT direction, mapping FROM arrival CROSS JOIN event INDEXED BY event_recorded_late
           ON (${recordedAt}) / ${HOUR_MS} = +recorded_hour AND second / 3600 = +hour
         WHERE recorded_hour >= CAST(?3 AS INTEGER) / ${HOUR_MS}
           AND hour >= CAST(?1 AS INTEGER) / ${HOUR_MS} AND hour <= CAST(?2 AS INTEGER) / ${HOUR_MS}
           AND recorded_after_ms > ${LATE_AFTER_MS} AND ${recordedAt} > ?3 AND ${span}`,
    );
    this.#onTime = database.prepare(
      `SELECT direction, mapping FROM event
         WHERE second >= (CAST(?3 AS INTEGER) - ${LATE_AFTER_MS}) / 1000 AND second <= CAST(?2 AS INTEGER) / 1000
           AND recorded_after_ms <= ${LATE_AFTER_MS} AND ${recordedAt} > ?3 AND ${span}`,
    );
    for (const statement of [this.#late, this.#onTime]) statement.setReturnArrays(true);
    this.#firstDay = database.prepare('SELECT day FROM shift_day ORDER BY day LIMIT 1');
    this.#days = database.prepare(
      `WITH RECURSIVE days (n) AS (SELECT ?1 WHERE ?1 < ?2 UNION ALL SELECT n + 1 FROM days WHERE n + 1 < ?2)
         SELECT coalesce(sum(net), 0) AS net FROM days CROSS JOIN shift_day ON day = n AND space = ?3 AND recorded_at > ?4`,
    );
    this.#hours = database.prepare('SELECT hours FROM shift_day WHERE day = ? AND space = ? AND recorded_at > ?');
    this.#differences = new Differences(database);
    this.#mappings = new MappingTable(database);
  }

  /** What the space's net over afterMs < timestamp <= untilMs (null: from the first on) owes to what was recorded after `knownAtMs`. */
  netSince(space: number, afterMs: number | null, untilMs: number, knownAtMs: number): number {
    const effects = this.#mappings.ofSpace(space);
    const span = [afterMs === null ? 0 : Math.max(afterMs + 1, 0), untilMs + 1] as const;
    let net = 0;
    for (const statement of [this.#late, this.#onTime]) {
      const rows = statement.iterate(...span, knownAtMs) as unknown as Iterable<[direction: number, mapping: number]>;
      for (const [direction, mapping] of rows) net += direction * effectOn(effects, mapping);
    }
    const before = afterMs === null ? 0 : this.#shiftUpTo(space, effects, afterMs, knownAtMs);
    return net + this.#shiftUpTo(space, effects, untilMs, knownAtMs) - before;
  }

  /** What differences recorded after `knownAtMs` change in the net of all deltas with timestamp <= atMs. */
  #shiftUpTo(space: number, effects: SpaceEffects, atMs: number, knownAtMs: number): number {
    const firstDay = this.#firstDay.get();
    if (firstDay === undefined) return 0;
    const untilMs = atMs + 1;
    const [day, hour] = [Math.floor(untilMs / DAY_MS), Math.floor(untilMs / HOUR_MS)];
    let net = Number(this.#days.get(Number(firstDay['day']), day, space, knownAtMs)?.['net']);
    for (const { hours } of this.#hours.iterate(day, space, knownAtMs)) {
      const nets = unpackHours(hours as Uint8Array).slice(0, hour % HOURS_PER_DAY);
      net += nets.reduce((sum, value) => sum + value, 0);
    }
    if (untilMs === hour * HOUR_MS) return net;
    for (const [, , , was, becomes, recordedAtMs, events] of this.#differences.between(hour, hour, effects)) {
      const change = effectOn(effects, becomes) - effectOn(effects, was);
      if (change === 0 || recordedAtMs <= knownAtMs) continue;
      for (const event of unpackEvents(hour, events)) {
        if (event.atMs < untilMs) net += event.direction * change;
      }
    }
    return net;
  }
}

/** What a +1 event so mapped does to the space. */
function effectOn({ entersBy, leavesBy }: SpaceEffects, mapping: number): -1 | 0 | 1 {
  if (entersBy.has(mapping)) return 1;
  return leavesBy.has(mapping) ? -1 : 0;
}
