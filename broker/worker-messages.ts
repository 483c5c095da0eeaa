// What the primary and its broker workers tell each other.
import type { Claimed } from '../shared/claims.ts';
import type { Reading } from '../shared/metrics/reading.ts';

/** Where a broker listens; null: not. Port 0 takes a free one. */
export type Ports = { readonly mqtt: number | null; readonly ws: number | null; readonly mqtts: number | null };

export type ToWorker =
  | { readonly kind: 'start'; readonly slot: number; readonly ports: Ports; readonly ticketKeys: Uint8Array }
  | { readonly kind: 'claimed'; readonly claimed: readonly Claimed[] }
  /** Credentials were made or revoked; without being told, a worker finds out within a second. */
  | { readonly kind: 'changed' }
  /** What has it counted? */
  | { readonly kind: 'measure' }
  | { readonly kind: 'stop' };

export type ToPrimary =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly message: string; readonly isPortTaken: boolean }
  | { readonly kind: 'measured'; readonly readings: readonly Reading[] }
  | { readonly kind: 'claim'; readonly clientIds: readonly string[] };
