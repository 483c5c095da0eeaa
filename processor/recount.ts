// The spaces whose counts facts change without any delta.
import type { Atlas } from '../shared/atlas.ts';
import type { Fact } from '../shared/fact.ts';
import type { SpaceId } from '../shared/ids.ts';

/** The spaces whose counts these facts change at query time, without any delta. */
export function spacesReset(facts: readonly Fact[], atlas: Atlas): Set<SpaceId> {
  const touched = new Set<SpaceId>();
  for (const { change } of facts) {
    if (change.kind === 'reset') touched.add(change.spaceId);
    const revoked = change.kind === 'reset_revoked' ? atlas.plan.spaceOfReset.get(change.id) : undefined;
    if (revoked !== undefined) touched.add(revoked);
  }
  return touched;
}
