// What a group keeps of one space of one partition: sums of the deltas that it has counted, and of those since the newest reset.
import type { Mapping } from '../../mapping.ts';

/** Deltas with timestamp > atMs, added up from journal position `from` on. */
export type Since = {
  readonly atMs: number;
  readonly from: number;
  net: number;
  /** Nothing that was counted before `from` lies after atMs. */
  readonly alone: boolean;
};

export type SpaceState = {
  entrances: number;
  exits: number;
  newestMs: number | null;
  revision: number;
  since: Since | null;
};

export function emptySpace(): SpaceState {
  return { entrances: 0, exits: 0, newestMs: null, revision: 0, since: null };
}

export function copySpace(space: SpaceState): SpaceState {
  return { ...space, since: space.since === null ? null : { ...space.since } };
}

/** A delta of a space: `sign` +1 for an entrance, -1 for an exit; `weight` -1 takes one back. */
export type Delta = { readonly spaceId: string; readonly sign: 1 | -1; readonly weight: 1 | -1 };

/** The deltas of an event of this direction. */
export function deltasOf(mapping: Mapping, direction: 1 | -1): Delta[] {
  return [
    ...mapping.enters.map((spaceId) => ({ spaceId, sign: direction, weight: 1 as const })),
    ...mapping.leaves.map((spaceId) => ({ spaceId, sign: (direction === 1 ? -1 : 1) as 1 | -1, weight: 1 as const })),
  ];
}

/** Counts one delta; `isSince`: also in the sums since the reset, if it is later. */
export function addDelta(space: SpaceState, delta: Delta, timestampMs: number, parts: 'all' | 'since'): void {
  const { since } = space;
  if (since !== null && timestampMs > since.atMs) since.net += delta.sign * delta.weight;
  if (parts === 'since') return;
  if (delta.sign === 1) space.entrances += delta.weight;
  else space.exits += delta.weight;
  if (space.newestMs === null || timestampMs > space.newestMs) space.newestMs = timestampMs;
}

/** As it stands in Redis, for an operator to read. */
export function encodeSpace({ entrances, exits, newestMs, revision, since }: SpaceState): string {
  return JSON.stringify({ entrances, exits, newest_at: newestMs, revision, since });
}

export function decodeSpace(text: string): SpaceState {
  const { newest_at: newestMs, ...rest } = JSON.parse(text) as Omit<SpaceState, 'newestMs'> & {
    newest_at: number | null;
  };
  return { ...rest, newestMs };
}
