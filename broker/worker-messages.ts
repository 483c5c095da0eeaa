// What the primary and its broker workers tell each other.
import type { Claimed } from '../shared/claims.ts';
import type { Reading } from '../shared/metrics/reading.ts';
import type { Boards, Told } from '../shared/notices.ts';

/** Where a broker listens; null: not. Port 0 takes a free one. */
export type Ports = { readonly mqtt: number | null; readonly ws: number | null; readonly mqtts: number | null };

export type ToWorker =
  | { readonly kind: 'start'; readonly slot: number; readonly ports: Ports; readonly ticketKeys: Uint8Array }
  | { readonly kind: 'claimed'; readonly claimed: readonly Claimed[] }
  /** Credentials were made or revoked; without being told, a worker finds out within a second. */
  | { readonly kind: 'changed' }
  /** Of a board that the worker follows. */
  | { readonly kind: 'notices'; readonly board: keyof Boards; readonly told: Told }
  /** What has it counted? */
  | { readonly kind: 'measure' }
  | { readonly kind: 'stop' };

export type ToPrimary =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly message: string; readonly isPortTaken: boolean }
  | { readonly kind: 'measured'; readonly readings: readonly Reading[] }
  /** From now on it is to be told of everything on the board; or no more. */
  | { readonly kind: 'follow'; readonly board: keyof Boards }
  | { readonly kind: 'unfollow'; readonly board: keyof Boards }
  | { readonly kind: 'claim'; readonly clientIds: readonly string[] };
