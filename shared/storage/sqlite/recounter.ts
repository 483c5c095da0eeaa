// Recounts: the events stored before a fact that maps them differently get a difference each, piece by piece, and the sums move by it.
//
//   facts ─▶ recount, recount_part (one for each DPU and period) ─▶ count its events ─▶ hour by hour: difference, sums, feed, late ledger
//
// Which events a fact touches is told by how they are mapped: those that arrive after it are mapped by it already. One that
// arrives after two facts of which the second takes the first back looks as if it had come before both; then it gets
// both differences, which together change nothing, at no moment.
import type { DatabaseSync } from 'node:sqlite';
import type { EndOfEvent, TakenFact } from '../history.ts';
import type { ChangeLog } from './change-log.ts';
import type { Changes } from './changes.ts';
import { packEvents } from './difference-packing.ts';
import { type DifferenceRow, Differences, stepsIn } from './differences.ts';
import { EventHours } from './event-hours.ts';
import { LATE_AFTER_MS } from './event-row.ts';
import type { HourEvent } from './hour-packing.ts';
import { Shifts, ShiftWriter } from './late-ledger.ts';
import { HOUR_MS } from './minutes.ts';
import type { Effect, Names } from './names.ts';
import type { RawEvents } from './raw-events.ts';
import { type Part, partOf, prepareRecounts, type RecountStatements } from './recount-parts.ts';

/** Events recounted in one transaction: some 30 ms, for which ingest waits. */
const EVENTS_PER_PIECE = 4_000;
/** Parts whose events are counted in one transaction: a few ms each. */
const PARTS_PER_PIECE = 8;
/** Hours of one DPU looked for at once: few at first, for they may be full, twice as many each time. */
const HOURS_PER_LOOK = { first: 24, most: 744 };
/** The range that `Date` can hold, within which every event is. */
const LATEST_MS = 8.64e15;

/** What one piece of a recount collects. */
type Piece = {
  readonly factNumber: number;
  readonly recordedAtMs: number;
  readonly changes: Changes;
  readonly shifts: Shifts;
  readonly endOf: EndOfEvent;
};

export class Recounter {
  readonly #names: Names;
  readonly #rawEvents: RawEvents;
  readonly #hours: EventHours;
  readonly #log: ChangeLog;
  readonly #differences: Differences;
  readonly #shifts: ShiftWriter;
  readonly #statements: RecountStatements;

  constructor(database: DatabaseSync, names: Names, rawEvents: RawEvents, log: ChangeLog) {
    this.#names = names;
    this.#rawEvents = rawEvents;
    this.#hours = new EventHours(database);
    this.#log = log;
    this.#differences = new Differences(database);
    this.#shifts = new ShiftWriter(database);
    this.#statements = prepareRecounts(database);
  }

  /** The oldest fact whose recount is not done; null: none. */
  oldest(): number | null {
    const fact = this.#statements.oldest.get()?.['fact'];
    return fact === undefined || fact === null ? null : Number(fact);
  }

  /** Remembers what the fact maps differently, if any stored event can be among it. */
  open({ factNumber, recordedAtMs, remappings }: TakenFact): void {
    const spaces = new Set<number>();
    let [fromMs, untilMs] = [LATEST_MS, 0];
    for (const remapping of remappings) {
      const dpu = this.#names.knownDpu(remapping.dpuId);
      if (dpu === undefined) continue;
      const start = Math.max(remapping.fromMs, dpu.firstHour * HOUR_MS);
      const end = Math.min(remapping.untilMs, (dpu.lastHour + 1) * HOUR_MS);
      if (start >= end) continue;
      const [was, becomes] = [this.#names.mapping(remapping.was), this.#names.mapping(remapping.becomes)];
      const [before, after] = [this.#effect(was), this.#effect(becomes)];
      for (const effect of [without(before, after), without(after, before)]) {
        for (const space of [...effect.enters, ...effect.leaves]) spaces.add(space);
      }
      fromMs = Math.min(fromMs, start);
      untilMs = Math.max(untilMs, end);
      const hours = [Math.floor(start / HOUR_MS), Math.floor((end - 1) / HOUR_MS)];
      this.#statements.addPart.run(factNumber, dpu.number, start, end, was, becomes, ...hours);
    }
    if (fromMs >= untilMs) return;
    this.#statements.add.run(factNumber, recordedAtMs, JSON.stringify([...spaces]), fromMs, untilMs);
  }

  /** Does one piece of the oldest recount. Call within one transaction. */
  advance(changes: Changes, endOf: EndOfEvent): void {
    const fact = this.#statements.oldest.get();
    if (fact === undefined) return;
    const factNumber = Number(fact['fact']);
    const uncounted = this.#statements.uncountedParts.all(factNumber, PARTS_PER_PIECE);
    for (const part of uncounted) this.#countEvents(factNumber, partOf(part));
    if (uncounted.length === PARTS_PER_PIECE) return;
    const shifts = new Shifts();
    const recount = { factNumber, recordedAtMs: Number(fact['recorded_at']), changes, shifts, endOf };
    let events = 0;
    let row = this.#statements.firstPart.get(factNumber);
    while (row !== undefined && events < EVENTS_PER_PIECE) {
      events += this.#remap(partOf(row), recount, EVENTS_PER_PIECE - events);
      row = this.#statements.firstPart.get(factNumber);
    }
    this.#shifts.write(shifts);
    this.#statements.addDone.run(events, factNumber);
    if (row === undefined) this.#statements.setDone.run(factNumber);
  }

  #countEvents(factNumber: number, part: Part): void {
    const events = this.#hours.count(part.dpu, part.nextHour, part.lastHour);
    this.#statements.setCounted.run(part.number);
    this.#statements.addTotal.run(events, factNumber);
  }

  /** Remaps whole hours of the part until `limit` events are done, or all; answers how many were. */
  #remap(part: Part, recount: Piece, limit: number): number {
    let [done, look] = [0, HOURS_PER_LOOK.first];
    for (
      let hour = part.nextHour;
      hour <= part.lastHour;
      hour += look, look = Math.min(2 * look, HOURS_PER_LOOK.most)
    ) {
      const lastHour = Math.min(hour + look - 1, part.lastHour);
      for (const [found, events] of this.#hours.ofDpu(part.dpu, hour, lastHour)) {
        done += this.#remapHour(part, recount, found, events);
        if (done >= limit && found < part.lastHour) {
          this.#statements.setNextHour.run(found + 1, part.number);
          return done;
        }
      }
    }
    this.#statements.dropPart.run(part.number);
    return done;
  }

  /** Remaps those of the events, all of the part's DPU and one hour, that are its; answers how many were. */
  #remapHour(part: Part, recount: Piece, hour: number, events: readonly HourEvent[]): number {
    const { factNumber, changes, shifts, endOf } = recount;
    const [was, becomes] = [this.#effect(part.was), this.#effect(part.becomes)];
    const moves = [[without(was, becomes), -1] as const, [without(becomes, was), 1] as const];
    const touched = this.#touched(part, hour, events);
    const byRecording = Map.groupBy(touched, (event) => this.#recordedAtMs(part, recount, event));
    for (const [recordedAtMs, together] of byRecording) {
      const source = { kind: 'recount', number: factNumber, recordedAtMs } as const;
      for (const { atMs, direction } of together) {
        for (const [effect, weight] of moves) {
          changes.add(atMs, direction, effect, weight);
          shifts.add(atMs, direction, effect, weight, recordedAtMs);
          this.#log.crossing(atMs, direction, effect, weight, source, endOf);
        }
      }
      const packed = packEvents(together);
      this.#differences.add([[part.dpu, hour, factNumber, part.was, part.becomes, recordedAtMs, packed]]);
    }
    return touched.length;
  }

  /** The later of the fact's and the event's recording: a fact may be announced to a partition after events newer than it. */
  #recordedAtMs({ dpu }: Part, { recordedAtMs }: Piece, event: HourEvent): number {
    if (event.recordedAfterMs === null && event.atMs + LATE_AFTER_MS <= recordedAtMs) return recordedAtMs;
    return Math.max(recordedAtMs, event.atMs + (event.recordedAfterMs ?? this.#rawEvents.recordedAfterMs(dpu, event)));
  }

  /** Those of the events, all of one hour, that are in the part's period and are mapped as it says by all recounts so far. */
  #touched({ dpu, fromMs, untilMs, was }: Part, hour: number, events: readonly HourEvent[]): HourEvent[] {
    const stepsOf = stepsIn(this.#differences.ofDpu(dpu, hour, hour));
    return events.filter((event) => {
      if (event.atMs < fromMs || event.atMs >= untilMs) return false;
      return (stepsOf(event).at(-1)?.becomes ?? event.mapping) === was;
    });
  }

  #effect(mapping: number): Effect {
    return this.#names.effects[mapping] as Effect;
  }
}

/** What `effect` does and `other` does not. */
function without({ status, enters, leaves }: Effect, other: Effect): Effect {
  return {
    status,
    enters: enters.filter((space) => !other.enters.includes(space)),
    leaves: leaves.filter((space) => !other.leaves.includes(space)),
  };
}
