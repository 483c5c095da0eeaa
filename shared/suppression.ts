// Below which small counts are kept from whom, for every door by which counts go out.
import type { Identity } from './access.ts';

/** By the key itself, else `standard` for keys that may only read. */
export function suppressBelowOf(identity: Identity | null, standard: number | null): number | null {
  if (identity === null) return null;
  return identity.suppressBelow ?? (identity.scopes.has('manage') ? null : standard);
}
