// Recounts: the events stored before a fact that maps them differently get a difference each, piece by piece, and the sums move by it.
//
//   facts ─▶ recount, recount_part (one for each DPU and period) ─▶ count its events ─▶ remap them, some hours at a time (remapper.ts)
import type { DatabaseSync } from 'node:sqlite';
import type { EndOfEvent, TakenFact } from '../history.ts';
import type { ChangeLog } from './change-log.ts';
import type { Changes } from './changes.ts';
import { EventHours } from './event-hours.ts';
import { Shifts, ShiftWriter } from './late-ledger.ts';
import { HOUR_MS } from './minutes.ts';
import type { Effect, Names } from './names.ts';
import type { RawEvents } from './raw-events.ts';
import { type Part, partOf, prepareRecounts, type RecountStatements } from './recount-parts.ts';
import { movesBetween, Remapper } from './remapper.ts';

/** Events recounted in one transaction: some 25 ms, for which ingest waits. */
const EVENTS_PER_PIECE = 4_000;
/** Parts whose events are counted in one transaction: a few ms each. */
const PARTS_PER_PIECE = 8;
/** The range that `Date` can hold, within which every event is. */
const LATEST_MS = 8.64e15;

export class Recounter {
  readonly #names: Names;
  readonly #hours: EventHours;
  readonly #remapper: Remapper;
  readonly #shifts: ShiftWriter;
  readonly #statements: RecountStatements;

  constructor(database: DatabaseSync, names: Names, rawEvents: RawEvents, log: ChangeLog) {
    this.#names = names;
    this.#hours = new EventHours(database);
    this.#remapper = new Remapper(database, names, rawEvents, log);
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
      const { effects } = this.#names;
      for (const { effect } of movesBetween(effects[was] as Effect, effects[becomes] as Effect)) {
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
      const part = partOf(row);
      const done = this.#remapper.remap(part, recount, EVENTS_PER_PIECE - events);
      events += done.events;
      if (done.nextHour === null) this.#statements.dropPart.run(part.number);
      else this.#statements.setNextHour.run(done.nextHour, part.number);
      row = this.#statements.firstPart.get(factNumber);
    }
    this.#shifts.write(shifts);
    this.#statements.addDone.run(events, factNumber);
    if (row === undefined) this.#statements.setDone.run(factNumber);
  }

  #countEvents(factNumber: number, part: Part): void {
    const events = this.#hours.estimate(part.dpu, part.nextHour, part.lastHour);
    this.#statements.setCounted.run(part.number);
    this.#statements.addTotal.run(events, factNumber);
  }
}
