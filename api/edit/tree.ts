// The space tree over time: no space may ever be inside itself, and who is where when a space moves to another parent.
import type { Change, SpaceVersion } from '../../shared/fact.ts';
import type { Floorplan } from '../../shared/floorplan.ts';
import type { SpaceId } from '../../shared/ids.ts';
import { ancestorsOrSelf } from '../../shared/mapping.ts';
import { startMs, versionAt, withVersion } from '../../shared/versions.ts';
import { Problem } from '../problem.ts';

/** The versions of every space that is looked at. */
export type Tree = ReadonlyMap<SpaceId, readonly SpaceVersion[]>;

/** The tree of `plan`. */
export function treeOf(plan: Floorplan): Map<SpaceId, readonly SpaceVersion[]> {
  return new Map([...plan.spaces].map(([id, space]) => [id, space.versions]));
}

/** The tree with the version changes among `changes` made. */
export function treeAfter(plan: Floorplan, changes: readonly Change[]): Tree {
  const tree = treeOf(plan);
  for (const change of changes) {
    if (change.kind !== 'space_version') continue;
    const { kind: _, id, ...version } = change;
    tree.set(id, withVersion(tree.get(id) ?? [], version));
  }
  return tree;
}

/** A space that is inside itself from `fromMs` on (null: since ever), with the way from it to itself. */
export type Cycle = { readonly fromMs: number | null; readonly way: readonly SpaceId[] };

/**
 * One cycle for each version that closes one. Every cycle begins when some version of a space in it begins, so it is
 * enough to walk up from each version at its beginning.
 */
export function cyclesIn(tree: Tree): Cycle[] {
  const cycles: Cycle[] = [];
  for (const [id, versions] of tree) {
    for (const version of versions) {
      const way = wayToItself(tree, id, startMs(version));
      if (way !== null) cycles.push({ fromMs: version.fromMs, way });
    }
  }
  return cycles;
}

/** Throws space_cycle when `changes` put a space inside itself at any instant. */
export function refuseCycles(plan: Floorplan, changes: readonly Change[]): void {
  if (!changes.some((change) => change.kind === 'space_version' && change.parentId !== null)) return;
  const [cycle] = cyclesIn(treeAfter(plan, changes));
  if (cycle === undefined) return;
  const message = describeCycle(cycle);
  throw new Problem('space_cycle', message, { errors: [{ path: 'body.parent_id', message }] });
}

export function describeCycle({ fromMs, way }: Cycle): string {
  const when = fromMs === null ? '' : ` from ${new Date(fromMs).toISOString()} on`;
  return `${way.join(' inside ')}${when}: choose a parent that is not inside the space`;
}

function wayToItself(tree: Tree, id: SpaceId, atMs: number): SpaceId[] | null {
  const way: SpaceId[] = [id];
  const seen = new Set<SpaceId>();
  for (let at = id; !seen.has(at); ) {
    seen.add(at);
    const parentId = versionAt(tree.get(at) ?? [], atMs)?.parentId ?? null;
    if (parentId === null) return null;
    way.push(parentId);
    if (parentId === id) return way;
    at = parentId;
  }
  return null;
}

/** People in `spaceId` were in `left` until `atMs`, and are in `entered` from then on. */
export type Move = {
  readonly spaceId: SpaceId;
  readonly atMs: number;
  readonly left: readonly SpaceId[];
  readonly entered: readonly SpaceId[];
};

/**
 * What `changes` do to the surroundings of spaces that exist; null when they change no parent and no side. A side that
 * becomes another moves nobody whom footfall could know of: it only says where people go from now on.
 */
export function movesIn(plan: Floorplan, changes: readonly Change[]): Move[] | null {
  const moves: Move[] = [];
  let isTouched = false;
  for (const change of changes) {
    if (change.kind === 'doorway_version' && plan.doorways.has(change.id)) isTouched = true;
    if (change.kind !== 'space_version' || change.fromMs === null) continue;
    const held = versionAt(plan.spaces.get(change.id)?.versions ?? [], change.fromMs);
    if (held === undefined || held.parentId === change.parentId) continue;
    isTouched = true;
    const before = ancestorsOrSelf(plan, held.parentId, change.fromMs);
    const after = ancestorsOrSelf(plan, change.parentId, change.fromMs);
    moves.push({
      spaceId: change.id,
      atMs: change.fromMs,
      left: [...before.difference(after)],
      entered: [...after.difference(before)],
    });
  }
  return isTouched ? moves : null;
}
