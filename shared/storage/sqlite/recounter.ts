// A recount: the events that a fact maps differently get a difference each, and the sums move by it.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Remapping } from '../../atlas.ts';
import type { Changes } from './changes.ts';
import type { Effect, Names } from './names.ts';
import { type RawEvents, timestampOf } from './raw-events.ts';

export class Recounter {
  readonly #names: Names;
  readonly #rawEvents: RawEvents;
  readonly #insert: StatementSync;

  constructor(database: DatabaseSync, names: Names, rawEvents: RawEvents) {
    this.#names = names;
    this.#rawEvents = rawEvents;
    this.#insert = database.prepare('INSERT INTO difference VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  }

  /** Adds the differences that `fact` makes by one remapping; answers the number of events that it touches. */
  apply(remapping: Remapping, fact: { factNumber: number; recordedAtMs: number }, changes: Changes): number {
    const dpu = this.#names.knownDpu(remapping.dpuId);
    if (dpu === undefined) return 0;
    const was = this.#names.mapping(remapping.was);
    const becomes = this.#names.mapping(remapping.becomes);
    let events = 0;
    for (const row of this.#rawEvents.ofDpu(dpu, remapping.fromMs, remapping.untilMs)) {
      const timestampMs = timestampOf(row);
      // The later of the fact's and the event's recording: a fact may be announced to a partition after events newer than it.
      const recordedAtMs = Math.max(fact.recordedAtMs, timestampMs + row[6]);
      this.#insert.run(...row.slice(0, 6), fact.factNumber, was, becomes, recordedAtMs);
      changes.add(timestampMs, row[3], this.#names.effects[was] as Effect, -1);
      changes.add(timestampMs, row[3], this.#names.effects[becomes] as Effect, 1);
      events += 1;
    }
    return events;
  }
}
