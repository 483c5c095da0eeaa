// Dated versions: of those that have begun the one with the latest beginning holds; of two that begin together, the later recorded.

/** Begins at `fromMs` (null: since ever) and holds until a later one begins. */
export type Dated = { readonly fromMs: number | null };

/** `versions` with `added` in its place: ordered by beginning, one version a beginning. */
export function withVersion<Version extends Dated>(versions: readonly Version[], added: Version): readonly Version[] {
  const rest = versions.filter((version) => version.fromMs !== added.fromMs);
  const at = rest.findIndex((version) => startMs(version) > startMs(added));
  return at === -1 ? [...rest, added] : rest.toSpliced(at, 0, added);
}

/** The version that holds at `atMs`; undefined before the first begins. */
export function versionAt<Version extends Dated>(versions: readonly Version[], atMs: number): Version | undefined {
  return versions.findLast((version) => startMs(version) <= atMs);
}

/** The beginning as a number: minus infinity for since ever. */
export function startMs(dated: Dated): number {
  return dated.fromMs ?? Number.NEGATIVE_INFINITY;
}
