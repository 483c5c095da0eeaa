// Bringing what is recorded to a wanted state with the fewest facts: of dated versions, and of lists of placements and the like.
import { type Dated, versionAt, withVersion } from '../../shared/versions.ts';

/**
 * The versions to record so that at every instant that holds which `wanted` says. Versions cannot be taken back: one
 * that is not wanted is recorded again as what was there before it.
 */
export function versionsToRecord<Version extends Dated>(
  existing: readonly Version[],
  wanted: readonly Version[],
  isSame: (one: Version, other: Version) => boolean,
): Version[] {
  const toRecord: Version[] = [];
  let result = existing;
  const instants = new Set([...wanted, ...existing].map((version) => version.fromMs));
  for (const fromMs of [...instants].sort((one, other) => (one ?? -Infinity) - (other ?? -Infinity))) {
    const desired = versionAt(wanted, fromMs ?? -Infinity);
    const held = versionAt(result, fromMs ?? -Infinity);
    if (desired === undefined || (held !== undefined && isSame(held, desired))) continue;
    const version = { ...desired, fromMs };
    toRecord.push(version);
    result = withVersion(result, version);
  }
  return toRecord;
}

/** Something recorded, in the order of `factNumber`; of two at one `instant` the later recorded holds. */
export type Held = { readonly id: string; readonly factNumber: number; readonly instant: number | null };

/** Something wanted, in the order in which it should be recorded. */
export type Wanted<Entry> = { readonly id: string | undefined; readonly instant: number | null; readonly entry: Entry };

/** What is held and not wanted, and what is wanted and not held. */
export type Difference<Item, Entry> = { readonly drop: readonly Item[]; readonly add: readonly Wanted<Entry>[] };

/**
 * Pairs what is held with what is wanted and is the same, the one of the same id if there is one. What is held but was
 * recorded before something of its instant that must precede it, is added again.
 */
export function differenceOf<Item extends Held, Entry>(
  held: readonly Item[],
  wanted: readonly Wanted<Entry>[],
  keyOfHeld: (item: Item) => string,
  keyOfWanted: (entry: Entry) => string,
): Difference<Item, Entry> {
  const free = new Set(held);
  const byId = new Map(held.map((item) => [item.id, item]));
  const byKey = Map.groupBy(held, keyOfHeld);
  const add: Wanted<Entry>[] = [];
  const newestAt = new Map<number | null, number>();
  const pairs = new Map<Wanted<Entry>, Item>();
  const pair = (one: Wanted<Entry>, item: Item | undefined): void => {
    if (item === undefined || pairs.has(one) || !free.delete(item)) return;
    pairs.set(one, item);
  };
  // Those that are as they were come first, or another that is the same could take their partner.
  for (const one of wanted) {
    const named = one.id === undefined ? undefined : byId.get(one.id);
    if (named !== undefined && keyOfHeld(named) === keyOfWanted(one.entry)) pair(one, named);
  }
  for (const one of wanted) {
    pair(
      one,
      byKey.get(keyOfWanted(one.entry))?.find((item) => free.has(item)),
    );
  }
  for (const one of wanted) {
    const item = pairs.get(one);
    const newest = newestAt.get(one.instant) ?? 0;
    if (item === undefined || item.factNumber < newest) {
      if (item !== undefined) free.add(item);
      add.push(one);
      newestAt.set(one.instant, Number.POSITIVE_INFINITY);
    } else newestAt.set(one.instant, item.factNumber);
  }
  return { drop: [...free], add };
}
