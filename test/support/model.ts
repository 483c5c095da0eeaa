// The brute-force model: keeps every event and fact in arrays and works each answer out from the definition alone.
import type { Change } from '../../shared/fact.ts';
import { lastDailyMs, type ModelZone } from './model-calendar.ts';

export type ModelEvent = {
  readonly dpu: string;
  readonly atMs: number;
  readonly direction: number;
  readonly seq: number | null;
};
type Recorded = { readonly recordedAtMs: number };
type Of<Kind extends Change['kind']> = Extract<Change, { kind: Kind }>;
type Dated = { readonly id: string; readonly fromMs: number | null };
type Start = { readonly id: string | null; readonly atMs: number; readonly count: number };
type Bucket = { count: number; min: number; max: number; entrances: number; exits: number };

const EVER = Number.NEGATIVE_INFINITY;

export class Model {
  readonly events = new Map<string, ModelEvent & Recorded>();
  /** How often each event came again, by its identity. */
  readonly copies = new Map<string, number>();
  readonly facts: { readonly change: Change; readonly recordedAtMs: number }[] = [];
  #kinds = new Map<Change['kind'], Change[]>();
  #sorted = 0;
  readonly #deltas = new Map<string, readonly { event: ModelEvent & Recorded; delta: number }[]>();

  /** An event that is there already changes nothing. */
  add(event: ModelEvent, recordedAtMs: number): void {
    const identity = JSON.stringify([event.dpu, event.atMs, event.direction, event.seq]);
    if (this.events.has(identity)) this.copies.set(identity, (this.copies.get(identity) ?? 0) + 1);
    else this.events.set(identity, { ...event, recordedAtMs });
    this.#deltas.clear();
  }

  record(changes: readonly Change[], recordedAtMs: number): void {
    this.facts.push(...changes.map((change) => ({ change, recordedAtMs })));
    this.#deltas.clear();
  }

  /** All that had been recorded by `knownAtMs`. */
  known(knownAtMs: number): Model {
    const known = new Model();
    const isKnown = ({ recordedAtMs }: Recorded) => recordedAtMs <= knownAtMs;
    for (const [identity, event] of this.events) if (isKnown(event)) known.events.set(identity, event);
    known.facts.push(...this.facts.filter(isKnown));
    return known;
  }

  count(space: string, atMs: number): number {
    const start = this.start(space, atMs);
    let count = (start?.count ?? 0) + this.adjusted(space, start?.atMs ?? EVER, atMs);
    for (const { delta } of this.deltasIn(space, start?.atMs ?? EVER, atMs)) count += delta;
    return count;
  }

  /** The reset that a count at `atMs` starts from: at one instant a manual one beats the daily one, then the later recorded. */
  start(space: string, atMs: number): Start | null {
    const sets = this.#resets(space).filter((reset) => reset.count !== null && reset.atMs <= atMs);
    const manual = latest(sets, (reset) => reset.atMs);
    const dailyMs = this.#dailyMs(space, atMs);
    if (dailyMs !== null && (manual === undefined || manual.atMs < dailyMs))
      return { id: null, atMs: dailyMs, count: 0 };
    return manual === undefined ? null : { id: manual.id, atMs: manual.atMs, count: manual.count ?? 0 };
  }

  /** The sum of adjustments with afterMs < at <= untilMs. */
  adjusted(space: string, afterMs: number, untilMs: number): number {
    const since = this.#resets(space).filter(({ atMs }) => afterMs < atMs && atMs <= untilMs);
    return since.reduce((sum, { change }) => sum + (change ?? 0), 0);
  }

  /** The events with afterMs < timestamp <= untilMs that change the space, by how much. */
  deltasIn(space: string, afterMs: number, untilMs: number) {
    let all = this.#deltas.get(space);
    if (all === undefined) {
      all = [...this.events.values()].map((event) => ({ event, delta: this.delta(event, space) }));
      this.#deltas.set(space, all);
    }
    return all.filter(({ event, delta }) => delta !== 0 && afterMs < event.atMs && event.atMs <= untilMs);
  }

  /** [fromMs, untilMs): least and greatest cover the opening, resets and the count after each millisecond with events. */
  bucket(space: string, fromMs: number, untilMs: number): Bucket {
    const deltas = this.deltasIn(space, fromMs - 1, untilMs - 1);
    const moments = new Set([fromMs - 1, untilMs - 1, ...deltas.map(({ event }) => event.atMs)]);
    for (const { atMs } of this.#resets(space)) if (fromMs <= atMs && atMs < untilMs) moments.add(atMs);
    for (let start = this.start(space, untilMs - 1); start !== null && start.atMs >= fromMs; ) {
      moments.add(start.atMs);
      start = this.start(space, start.atMs - 1);
    }
    const counts = [...moments].map((atMs) => this.count(space, atMs));
    const entrances = deltas.filter(({ delta }) => delta > 0).length;
    const count = this.count(space, untilMs - 1);
    return { count, min: Math.min(...counts), max: Math.max(...counts), entrances, exits: deltas.length - entrances };
  }

  /** What one event does to the count of `space`. */
  delta(event: ModelEvent, space: string): number {
    if (this.status(event) !== 'counted') return 0;
    const { dpu, atMs, direction } = event;
    const placement = this.placement(dpu, atMs) as Of<'placement'>;
    const sides = this.version('doorway_version', placement.doorwayId, atMs) as Of<'doorway_version'>;
    const isIn = (side: string | null) => this.isWithin(side, space, atMs);
    const [facing, behind] = placement.facing === 'a' ? [sides.a, sides.b] : [sides.b, sides.a];
    return direction * (Number(isIn(facing)) - Number(isIn(behind)));
  }

  status({ dpu, atMs }: Pick<ModelEvent, 'dpu' | 'atMs'>): 'counted' | 'unplaced' | 'voided' {
    const placement = this.placement(dpu, atMs);
    if (placement === undefined || this.isRetired('dpu', dpu, atMs)) return 'unplaced';
    if (this.isRetired('doorway', placement.doorwayId, atMs)) return 'unplaced';
    const revoked = new Set(this.all('void_revoked').map(({ id }) => id));
    const voids = this.all('void').filter((each) => each.dpuId === dpu && covers(each, atMs) && !revoked.has(each.id));
    return voids.length > 0 ? 'voided' : 'counted';
  }

  /** Of those that cover `atMs` the one that begins last, then the later recorded. Said again, it is the later said. */
  placement(dpu: string, atMs: number): Of<'placement'> | undefined {
    const stands = new Map<string, Of<'placement'>>();
    for (const { change } of this.facts) {
      if (change.kind === 'placement' || change.kind === 'placement_withdrawn') stands.delete(change.id);
      if (change.kind === 'placement') stands.set(change.id, change);
    }
    const holding = [...stands.values()].filter((each) => each.dpuId === dpu && covers(each, atMs));
    return latest(holding, (each) => each.fromMs ?? EVER);
  }

  version<Kind extends 'space_version' | 'doorway_version'>(
    kind: Kind,
    id: string,
    atMs: number,
  ): Of<Kind> | undefined {
    const versions = this.all(kind) as readonly Dated[];
    const begun = versions.filter((each) => each.id === id && (each.fromMs ?? EVER) <= atMs);
    return latest(begun, (each) => each.fromMs ?? EVER) as Of<Kind> | undefined;
  }

  /** The time zones of a space, each from when it holds. */
  zones(space: string): ModelZone[] {
    const zones = this.#versionStarts(space).map((fromMs) => {
      return { fromMs, zone: this.version('space_version', space, fromMs)?.timeZone ?? 'UTC' };
    });
    return zones.filter(({ zone }, index) => zone !== zones[index - 1]?.zone);
  }

  isRetired(kind: 'space' | 'doorway' | 'dpu', id: string, atMs: number): boolean {
    const thing = this.all(kind).findLast((each) => each.id === id);
    return thing !== undefined && thing.retiredAtMs !== null && atMs >= thing.retiredAtMs;
  }

  all<Kind extends Change['kind']>(kind: Kind): Of<Kind>[] {
    if (this.#sorted !== this.facts.length) {
      this.#kinds = Map.groupBy(
        this.facts.map(({ change }) => change),
        (change) => change.kind,
      );
      this.#sorted = this.facts.length;
    }
    return (this.#kinds.get(kind) ?? []) as Of<Kind>[];
  }

  #resets(space: string): Of<'reset'>[] {
    const revoked = new Set(this.all('reset_revoked').map(({ id }) => id));
    return this.all('reset').filter((reset) => reset.spaceId === space && !revoked.has(reset.id));
  }

  /** The latest daily reset at or before `atMs`, by the version that held then. */
  #dailyMs(space: string, atMs: number): number | null {
    let untilMs = atMs;
    for (const fromMs of this.#versionStarts(space).toReversed()) {
      if (fromMs > atMs) continue;
      const version = this.version('space_version', space, fromMs);
      if (version?.dailyReset !== null && version !== undefined) {
        const dailyMs = lastDailyMs(version.timeZone, version.dailyReset, untilMs);
        if (dailyMs >= fromMs) return dailyMs;
      }
      untilMs = fromMs - 1;
    }
    return null;
  }

  #versionStarts(space: string): number[] {
    const versions = this.all('space_version').filter(({ id }) => id === space);
    return [...new Set(versions.map(({ fromMs }) => fromMs ?? EVER))].sort((one, other) => one - other);
  }

  isWithin(inner: string | null, outer: string, atMs: number): boolean {
    for (let id = inner; id !== null; id = this.version('space_version', id, atMs)?.parentId ?? null) {
      if (id === outer) return !this.isRetired('space', id, atMs);
    }
    return false;
  }
}

export function covers({ fromMs, untilMs }: { fromMs: number | null; untilMs: number | null }, atMs: number): boolean {
  return (fromMs ?? EVER) <= atMs && atMs < (untilMs ?? Number.POSITIVE_INFINITY);
}

/** The one with the greatest key, of equals the last. */
function latest<Item>(items: readonly Item[], key: (item: Item) => number): Item | undefined {
  return items.reduce<Item | undefined>(
    (best, item) => (best === undefined || key(item) >= key(best) ? item : best),
    undefined,
  );
}
