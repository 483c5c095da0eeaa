// How long a connection may be silent, or not read, before it is closed. Pure.
import type { Refusal } from './frames.ts';
import type { Limits } from './limits.ts';

/** Half as much again as the client asked for [MQTT-3.1.2-24]. */
const KEEPALIVE_FACTOR_MS = 1_500;

export type Attention = {
  readonly phase: 'new' | 'connecting' | 'open' | 'finished';
  readonly isClogged: boolean;
  readonly isRead: boolean;
  /** 0: the client did not say. */
  readonly keepaliveS: number;
};

export type Patience = { readonly silentMs: number; readonly refusal: Refusal };

/** Null: as long as it likes, as things are. */
export function patienceWith({ phase, isClogged, isRead, keepaliveS }: Attention, limits: Limits): Patience | null {
  if (isClogged) return { silentMs: limits.drainTimeoutMs, refusal: 'drain_timeout' };
  if (phase === 'new') return { silentMs: limits.connectTimeoutMs, refusal: 'connect_timeout' };
  // It is not its silence while nothing is read from it.
  if (phase !== 'open' || !isRead) return null;
  const allowedS = Math.min(keepaliveS || limits.keepaliveMaxS, limits.keepaliveMaxS);
  return { silentMs: allowedS * KEEPALIVE_FACTOR_MS, refusal: 'keepalive_timeout' };
}
