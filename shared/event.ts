// An event: one person crossing a doorway, as the DPU above it saw it. Its identity is all of its fields.
import type { DpuId } from './ids.ts';

/** +1: to the side that the DPU faces; -1: the other way. */
export type Direction = 1 | -1;

export type Event = {
  readonly dpuId: DpuId;
  /** Device clock, ms since 1970 UTC. */
  readonly timestampMs: number;
  readonly direction: Direction;
  /** Boot or factory-reset counter of the device; null when it sends none. */
  readonly epoch: number | null;
  readonly seq: number | null;
};

/** Text that is equal exactly for equal events. */
export function identityOf({ dpuId, timestampMs, direction, epoch, seq }: Event): string {
  return `${dpuId} ${timestampMs} ${direction} ${epoch} ${seq}`;
}

/** Events before this are too old to be true (CONTRACT.md, reason `too_old`). */
export const OLDEST_EVENT_MS = Date.UTC(2000, 0, 1);

/** The most events in one PUBLISH or one POST. */
export const EVENTS_PER_MESSAGE_MAX = 1000;

/** Why something was stored but not counted. */
export const QUARANTINE_REASONS = ['malformed', 'unknown_dpu', 'clock_in_future', 'too_old', 'too_large'] as const;
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number];
