// When a connection is closed because nothing comes from it, or nothing goes to it. Pure.
import type { Refusal } from './frames.ts';
import type { Limits } from './limits.ts';

/** Half as much again as the client asked for [MQTT-3.1.2-24]. */
const KEEPALIVE_FACTOR_MS = 1_500;

export type Silence = {
  readonly phase: 'new' | 'connecting' | 'open' | 'finished';
  readonly silentMs: number;
  readonly isClogged: boolean;
  readonly isRead: boolean;
  /** 0: the client did not say. */
  readonly keepaliveS: number;
};

export function overdue({ phase, silentMs, isClogged, isRead, keepaliveS }: Silence, limits: Limits): Refusal | null {
  if (isClogged) return silentMs > limits.drainTimeoutMs ? 'drain_timeout' : null;
  if (phase === 'new') return silentMs > limits.connectTimeoutMs ? 'connect_timeout' : null;
  // It is not its silence while nothing is read from it.
  if (phase !== 'open' || !isRead) return null;
  const allowedS = Math.min(keepaliveS || limits.keepaliveMaxS, limits.keepaliveMaxS);
  return silentMs > allowedS * KEEPALIVE_FACTOR_MS ? 'keepalive_timeout' : null;
}
