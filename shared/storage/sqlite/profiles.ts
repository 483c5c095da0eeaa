// Profiles of spans: whole hours and minutes from rollups whose extremes are known, the rest from raw events.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Profile, Span } from '../history.ts';
import { Deltas, foldProfile, MappingTable, profileOf } from './deltas.ts';
import { HOUR_MS, MINUTE_MS, unpackMinutes } from './minutes.ts';

type Hour = { readonly startMs: number; readonly row: Profile; readonly packed: Uint8Array; readonly isStale: boolean };

export class Profiles {
  readonly #bounds: StatementSync;
  readonly #hour: StatementSync;
  readonly #mappings: MappingTable;
  readonly #deltas: Deltas;

  constructor(database: DatabaseSync) {
    this.#bounds = database.prepare(
      'SELECT (SELECT min(hour) FROM rollup_hour) AS first, (SELECT max(hour) FROM rollup_hour) AS last',
    );
    this.#hour = database.prepare(
      'SELECT entrances, exits, lowest, highest, minutes FROM rollup_hour WHERE hour = ? AND space = ?',
    );
    this.#mappings = new MappingTable(database);
    this.#deltas = new Deltas(database);
  }

  /** The profile of a space (by number) in the span. Call within one transaction. */
  of(space: number, { fromMs, untilMs }: Span): Profile {
    const profile = { entrances: 0, exits: 0, lowest: 0, highest: 0 };
    const bounds = this.#bounds.get();
    if (bounds?.['first'] === null || bounds === undefined) return profile;
    const first = Math.max(Math.floor(fromMs / HOUR_MS), Number(bounds['first']));
    const last = Math.min(Math.floor((untilMs - 1) / HOUR_MS), Number(bounds['last']));
    for (let number = first; number <= last; number++) {
      const hour = this.#read(number, space);
      if (hour === undefined) continue;
      const span = { fromMs: Math.max(fromMs, hour.startMs), untilMs: Math.min(untilMs, hour.startMs + HOUR_MS) };
      const isWhole = span.untilMs - span.fromMs === HOUR_MS;
      if (isWhole && !hour.isStale) foldProfile(profile, hour.row);
      else if (hour.isStale) foldProfile(profile, this.#raw(space, span));
      else this.#foldMinutes(profile, space, hour, span);
    }
    return profile;
  }

  #foldMinutes(profile: Parameters<typeof foldProfile>[0], space: number, hour: Hour, span: Span): void {
    for (const minute of unpackMinutes(hour.packed)) {
      const startMs = hour.startMs + minute.minute * MINUTE_MS;
      const within = { fromMs: Math.max(span.fromMs, startMs), untilMs: Math.min(span.untilMs, startMs + MINUTE_MS) };
      if (within.fromMs >= within.untilMs) continue;
      const isWhole = within.untilMs - within.fromMs === MINUTE_MS;
      foldProfile(profile, isWhole ? minute : this.#raw(space, within));
    }
  }

  #raw(space: number, span: Span): Profile {
    return profileOf(this.#deltas.of(this.#mappings.ofSpace(space), span.fromMs, span.untilMs));
  }

  #read(hour: number, space: number): Hour | undefined {
    const row = this.#hour.get(hour, space);
    if (row === undefined) return undefined;
    const [entrances, exits] = [Number(row['entrances']), Number(row['exits'])];
    const profile = { entrances, exits, lowest: Number(row['lowest']), highest: Number(row['highest']) };
    const isStale = row['lowest'] === null;
    return { startMs: hour * HOUR_MS, row: profile, packed: row['minutes'] as Uint8Array, isStale };
  }
}
