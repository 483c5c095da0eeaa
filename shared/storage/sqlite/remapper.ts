// What a fact does to the events of one DPU that were stored before it, hour by hour: difference, sums, feed, late ledger.
//
// Which events a fact touches is told by how they are mapped: those that arrive after it are mapped by it already. One that
// arrives after two facts of which the second takes the first back looks as if it had come before both; then it gets
// both differences, which together change nothing, at no moment.
import type { DatabaseSync } from 'node:sqlite';
import type { EndOfEvent } from '../history.ts';
import type { ChangeLog } from './change-log.ts';
import type { Changes } from './changes.ts';
import { packEvents } from './difference-packing.ts';
import { type DifferenceRow, Differences, stepsIn } from './differences.ts';
import { EventHours } from './event-hours.ts';
import { LATE_AFTER_MS } from './event-row.ts';
import type { HourEvent } from './hour-packing.ts';
import type { Shifts } from './late-ledger.ts';
import { HOUR_MS } from './minutes.ts';
import type { Effect, Names } from './names.ts';
import type { RawEvents } from './raw-events.ts';
import type { Part } from './recount-parts.ts';

/** Hours of one DPU looked for at once: few at first, for they may be full, then as many as the wanted events should take. */
const HOURS_PER_LOOK = { first: 24, most: 744 };

/** What one piece of a recount collects. */
export type Piece = {
  readonly factNumber: number;
  readonly recordedAtMs: number;
  readonly changes: Changes;
  readonly shifts: Shifts;
  readonly endOf: EndOfEvent;
};

/** An effect is added to counts (`weight` 1) or taken back (-1). */
type Move = { readonly effect: Effect; readonly weight: 1 | -1 };

export class Remapper {
  readonly #names: Names;
  readonly #rawEvents: RawEvents;
  readonly #hours: EventHours;
  readonly #log: ChangeLog;
  readonly #differences: Differences;

  constructor(database: DatabaseSync, names: Names, rawEvents: RawEvents, log: ChangeLog) {
    this.#names = names;
    this.#rawEvents = rawEvents;
    this.#hours = new EventHours(database);
    this.#log = log;
    this.#differences = new Differences(database);
  }

  /** Remaps whole hours of the part until `limit` events are done, or all. nextHour: where to go on; null: the part is done. */
  remap(part: Part, piece: Piece, limit: number): { events: number; nextHour: number | null } {
    const { effects } = this.#names;
    const moves = movesBetween(effects[part.was] as Effect, effects[part.becomes] as Effect);
    let [events, look] = [0, HOURS_PER_LOOK.first];
    for (let hour = part.nextHour; hour <= part.lastHour; ) {
      const lastHour = Math.min(hour + look - 1, part.lastHour);
      const differences: DifferenceRow[] = [];
      for (const [found, touched] of this.#touched(part, hour, lastHour)) {
        if (events >= limit) {
          this.#differences.add(differences);
          return { events, nextHour: found };
        }
        events += touched.length;
        for (const [recordedAtMs, together] of this.#byRecording(part, piece, touched)) {
          differences.push(this.#remapHour(part, piece, moves, found, recordedAtMs, together));
        }
      }
      this.#differences.add(differences);
      hour = lastHour + 1;
      const wanted = Math.ceil(((limit - events) * (hour - part.nextHour)) / events);
      look = Math.min(Math.max(wanted, HOURS_PER_LOOK.first), 2 * look, HOURS_PER_LOOK.most);
    }
    return { events, nextHour: null };
  }

  /** By hour, in order: the part's events that are mapped as it says by all recounts so far. */
  *#touched(part: Part, firstHour: number, lastHour: number): Generator<[hour: number, events: readonly HourEvent[]]> {
    const { dpu, fromMs, untilMs, was } = part;
    const known = Map.groupBy(this.#differences.ofDpu(dpu, firstHour, lastHour), ([, hour]) => hour);
    for (const [hour, events] of this.#hours.ofDpu(dpu, firstHour, lastHour)) {
      const stepsOf = stepsIn(known.get(hour) ?? []);
      const touched = events.filter((event) => {
        if (event.atMs < fromMs || event.atMs >= untilMs) return false;
        return (stepsOf(event).at(-1)?.becomes ?? event.mapping) === was;
      });
      if (touched.length > 0) yield [hour, touched];
    }
  }

  /** Remaps events of one hour. */
  #remapHour(
    part: Part,
    { factNumber, changes, shifts, endOf }: Piece,
    moves: readonly Move[],
    hour: number,
    recordedAtMs: number,
    events: readonly HourEvent[],
  ): DifferenceRow {
    const net = events.reduce((sum, { direction }) => sum + direction, 0);
    for (const { effect, weight } of moves) {
      changes.addAll(events, effect, weight);
      shifts.add(hour * HOUR_MS, weight * net, effect, recordedAtMs);
    }
    const source = { kind: 'recount', number: factNumber, recordedAtMs } as const;
    for (const { atMs, direction } of events) {
      for (const { effect, weight } of moves) this.#log.crossing(atMs, direction, effect, weight, source, endOf);
    }
    return [part.dpu, hour, factNumber, part.was, part.becomes, recordedAtMs, packEvents(events)];
  }

  /** The events by when what the fact makes of them was recorded. */
  #byRecording(
    { dpu }: Part,
    { recordedAtMs }: Piece,
    events: readonly HourEvent[],
  ): Iterable<[number, readonly HourEvent[]]> {
    const isBefore = ({ atMs, recordedAfterMs }: HourEvent) =>
      recordedAfterMs === null && atMs + LATE_AFTER_MS <= recordedAtMs;
    // All events of most hours were recorded before the fact.
    if (events.every(isBefore)) return [[recordedAtMs, events]];
    // The later of the fact's and the event's recording: a fact may be announced to a partition after events newer than it.
    return Map.groupBy(events, (event) => {
      if (isBefore(event)) return recordedAtMs;
      return Math.max(
        recordedAtMs,
        event.atMs + (event.recordedAfterMs ?? this.#rawEvents.recordedAfterMs(dpu, event)),
      );
    });
  }
}

/** From one mapping to the other; what they have in common stays. */
export function movesBetween(was: Effect, becomes: Effect): readonly Move[] {
  return [
    { effect: without(was, becomes), weight: -1 },
    { effect: without(becomes, was), weight: 1 },
  ];
}

/** What `effect` does and `other` does not. */
function without({ status, enters, leaves }: Effect, other: Effect): Effect {
  return {
    status,
    enters: enters.filter((space) => !other.enters.includes(space)),
    leaves: leaves.filter((space) => !other.leaves.includes(space)),
  };
}
