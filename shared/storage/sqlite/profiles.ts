// Profiles of spans: whole hours, by the day where it is over, and minutes from rollups whose extremes are known, the rest from raw events.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Profile, Span } from '../history.ts';
import { DayReader, HOURS_PER_DAY } from './days.ts';
import { Deltas, foldProfile, MappingTable, profileOf } from './deltas.ts';
import { HOUR_MS, MINUTE_MS, unpackMinutes } from './minutes.ts';

type MutableProfile = Parameters<typeof foldProfile>[0];
type Hour = { readonly startMs: number; readonly row: Profile; readonly packed: Uint8Array; readonly isStale: boolean };

export class Profiles {
  readonly #days: DayReader;
  readonly #bounds: StatementSync;
  readonly #hour: StatementSync;
  readonly #mappings: MappingTable;
  readonly #deltas: Deltas;

  constructor(database: DatabaseSync) {
    this.#days = new DayReader(database);
    this.#bounds = database.prepare(
      'SELECT (SELECT min(hour) FROM rollup_hour) AS first, (SELECT max(hour) FROM rollup_hour) AS last',
    );
    this.#hour = database.prepare(
      'SELECT entrances, exits, lowest, highest, minutes FROM rollup_hour WHERE hour = ? AND space = ?',
    );
    this.#mappings = new MappingTable(database);
    this.#deltas = new Deltas(database);
  }

  /** The profile of a space (by number) in each of the spans, which are in order. Call within one transaction. */
  of(space: number, spans: readonly Span[]): Profile[] {
    const bounds = this.#bounds.get();
    const hours = { first: Number(bounds?.['first'] ?? 0), last: Number(bounds?.['last'] ?? -1) };
    this.#days.forget();
    return spans.map((span) => {
      const profile = { entrances: 0, exits: 0, lowest: 0, highest: 0 };
      const first = Math.max(Math.floor(span.fromMs / HOUR_MS), hours.first);
      const last = Math.min(Math.floor((span.untilMs - 1) / HOUR_MS), hours.last);
      for (let hour = first; hour <= last; ) hour = this.#foldDay(profile, space, span, hour, last);
      return profile;
    });
  }

  /** Folds the hours from `first` to `last` that are of the first one's day; answers the hour after them. */
  #foldDay(profile: MutableProfile, space: number, span: Span, first: number, last: number): number {
    const day = Math.floor(first / HOURS_PER_DAY);
    const end = Math.min(last + 1, (day + 1) * HOURS_PER_DAY);
    const known = this.#days.of(day, space);
    if (known === null) {
      for (let hour = first; hour < end; hour++) this.#foldHour(profile, space, span, hour);
      return end;
    }
    for (const of of known) {
      const hour = day * HOURS_PER_DAY + of.minute;
      if (hour < first || hour >= end) continue;
      const isWhole = span.fromMs <= hour * HOUR_MS && (hour + 1) * HOUR_MS <= span.untilMs;
      if (isWhole) foldProfile(profile, of);
      else this.#foldHour(profile, space, span, hour);
    }
    return end;
  }

  #foldHour(profile: MutableProfile, space: number, { fromMs, untilMs }: Span, number: number): void {
    const hour = this.#read(number, space);
    if (hour === undefined) return;
    const span = { fromMs: Math.max(fromMs, hour.startMs), untilMs: Math.min(untilMs, hour.startMs + HOUR_MS) };
    const isWhole = span.untilMs - span.fromMs === HOUR_MS;
    if (isWhole && !hour.isStale) foldProfile(profile, hour.row);
    else if (hour.isStale) foldProfile(profile, this.#raw(space, span));
    else this.#foldMinutes(profile, space, hour, span);
  }

  #foldMinutes(profile: MutableProfile, space: number, hour: Hour, span: Span): void {
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
