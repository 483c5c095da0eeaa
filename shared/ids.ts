// Identifiers: branded strings, and the one pattern all of them obey.

declare const brand: unique symbol;
type Branded<Name> = string & { readonly [brand]: Name };

export type DpuId = Branded<'DpuId'>;
export type SpaceId = Branded<'SpaceId'>;
export type DoorwayId = Branded<'DoorwayId'>;
export type PlacementId = Branded<'PlacementId'>;
export type ResetId = Branded<'ResetId'>;
export type VoidId = Branded<'VoidId'>;
export type OutageId = Branded<'OutageId'>;

/** Every id that people or devices choose; safe in topics, paths, Flux, Lua and line protocol. */
export const ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

/** True when `text` may be used as an id. */
export function isId(text: string): boolean {
  return ID_PATTERN.test(text);
}
