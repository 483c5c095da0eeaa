// The brute-force model: keeps every event and fact in arrays and works each count out from the definition alone.
import type { Change } from '../../shared/fact.ts';

export type ModelEvent = {
  readonly dpu: string;
  readonly atMs: number;
  readonly direction: number;
  readonly seq: number | null;
};

type Dated = { readonly id: string; readonly fromMs: number | null };
type Of<Kind extends Change['kind']> = Extract<Change, { kind: Kind }>;

export class Model {
  readonly events = new Map<string, ModelEvent>();
  /** How often each event came again, by its identity. */
  readonly copies = new Map<string, number>();
  readonly facts: Change[] = [];

  add(event: ModelEvent): void {
    const identity = JSON.stringify([event.dpu, event.atMs, event.direction, event.seq]);
    if (this.events.has(identity)) this.copies.set(identity, (this.copies.get(identity) ?? 0) + 1);
    this.events.set(identity, event);
  }

  /** As it is now, whatever comes. */
  copy(): Model {
    const copy = new Model();
    for (const [identity, event] of this.events) copy.events.set(identity, event);
    copy.facts.push(...this.facts);
    return copy;
  }

  count(space: string, atMs: number): number {
    const revoked = new Set(this.#all('reset_revoked').map((fact) => fact.id));
    const resets = this.#all('reset').filter(
      (reset) => reset.spaceId === space && reset.atMs <= atMs && !revoked.has(reset.id),
    );
    const start = latest(
      resets.filter((reset) => reset.count !== null),
      (reset) => reset.atMs,
    );
    const isSince = (ms: number) => ms > (start?.atMs ?? Number.NEGATIVE_INFINITY) && ms <= atMs;
    let count = start?.count ?? 0;
    for (const reset of resets) if (isSince(reset.atMs)) count += reset.change ?? 0;
    for (const event of this.events.values()) if (isSince(event.atMs)) count += this.delta(event, space);
    return count;
  }

  /** The sums of [fromMs, untilMs), and the extremes of the running sum after each millisecond. */
  profile(
    space: string,
    fromMs: number,
    untilMs: number,
  ): { entrances: number; exits: number; lowest: number; highest: number } {
    const profile = { entrances: 0, exits: 0, lowest: 0, highest: 0 };
    const within = [...this.events.values()].filter(({ atMs }) => fromMs <= atMs && atMs < untilMs);
    for (const moment of [...new Set(within.map(({ atMs }) => atMs))].sort((one, other) => one - other)) {
      for (const event of within.filter(({ atMs }) => atMs === moment)) {
        const delta = this.delta(event, space);
        if (delta > 0) profile.entrances += 1;
        if (delta < 0) profile.exits += 1;
      }
      profile.lowest = Math.min(profile.lowest, profile.entrances - profile.exits);
      profile.highest = Math.max(profile.highest, profile.entrances - profile.exits);
    }
    return profile;
  }

  /** What one event does to the count of `space`. */
  delta({ dpu, atMs, direction }: ModelEvent, space: string): number {
    const gone = new Set(this.#all('placement_withdrawn').map((fact) => fact.id));
    const covers = (each: { fromMs: number | null; untilMs: number | null }) =>
      (each.fromMs ?? -Infinity) <= atMs && atMs < (each.untilMs ?? Infinity);
    const placement = latest(
      this.#all('placement').filter((each) => each.dpuId === dpu && covers(each) && !gone.has(each.id)),
      (each) => each.fromMs ?? -Infinity,
    );
    if (
      placement === undefined ||
      this.#isRetired('dpu', dpu, atMs) ||
      this.#isRetired('doorway', placement.doorwayId, atMs)
    )
      return 0;
    const revoked = new Set(this.#all('void_revoked').map((fact) => fact.id));
    if (this.#all('void').some((each) => each.dpuId === dpu && covers(each) && !revoked.has(each.id))) return 0;
    const sides = this.#version(this.#all('doorway_version'), placement.doorwayId, atMs);
    if (sides === undefined) return 0;
    const isIn = (side: string | null) => this.#isWithin(side, space, atMs);
    const [facing, behind] = placement.facing === 'a' ? [sides.a, sides.b] : [sides.b, sides.a];
    return direction * (Number(isIn(facing)) - Number(isIn(behind)));
  }

  #isWithin(inner: string | null, outer: string, atMs: number): boolean {
    for (let id = inner; id !== null; id = this.#version(this.#all('space_version'), id, atMs)?.parentId ?? null) {
      if (id === outer) return !this.#isRetired('space', id, atMs);
    }
    return false;
  }

  #isRetired(kind: 'space' | 'doorway' | 'dpu', id: string, atMs: number): boolean {
    const thing = this.#all(kind).findLast((each) => each.id === id);
    return thing !== undefined && thing.retiredAtMs !== null && atMs >= thing.retiredAtMs;
  }

  #version<Version extends Dated>(versions: readonly Version[], id: string, atMs: number): Version | undefined {
    const begun = versions.filter((each) => each.id === id && (each.fromMs ?? -Infinity) <= atMs);
    return latest(begun, (each) => each.fromMs ?? -Infinity);
  }

  #all<Kind extends Change['kind']>(kind: Kind): Of<Kind>[] {
    return this.facts.filter((fact): fact is Of<Kind> => fact.kind === kind);
  }
}

/** The one with the greatest key, of equals the last. */
function latest<Item>(items: readonly Item[], key: (item: Item) => number): Item | undefined {
  return items.reduce<Item | undefined>(
    (best, item) => (best === undefined || key(item) >= key(best) ? item : best),
    undefined,
  );
}
