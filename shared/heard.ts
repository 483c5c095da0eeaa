// What has been heard from a DPU, and the watermark that follows: up to when its events are believed to have arrived.
import type { DpuId } from './ids.ts';

/**
 * A receipt from a DPU at `atMs`. `holdMs` is not null for a CONNECT, which is no receipt: a backlog may follow it, so the
 * watermark stays where it was for that long.
 */
export type HeardMark = { readonly dpuId: DpuId; readonly atMs: number; readonly holdMs: number | null };

/** `heldAtMs` stands for `heardAtMs` until `holdUntilMs`. Null: never heard. */
export type Heard = {
  readonly heardAtMs: number | null;
  readonly heldAtMs: number | null;
  readonly holdUntilMs: number;
};

export const NEVER_HEARD: Heard = { heardAtMs: null, heldAtMs: null, holdUntilMs: 0 };

/** What is known of a DPU after `mark`; a receipt that comes out of order changes nothing. */
export function hear(before: Heard, { atMs, holdMs }: Omit<HeardMark, 'dpuId'>): Heard {
  if (holdMs === null) return { ...before, heardAtMs: Math.max(before.heardAtMs ?? atMs, atMs) };
  const heldAtMs = atMs < before.holdUntilMs ? before.heldAtMs : before.heardAtMs;
  return { ...before, heldAtMs, holdUntilMs: Math.max(before.holdUntilMs, atMs + holdMs) };
}

/** What is known of each DPU after `marks`, in their order; `before` gives what was known. */
export function hearAll(marks: readonly HeardMark[], before: (dpuId: DpuId) => Heard): Map<DpuId, Heard> {
  const heard = new Map<DpuId, Heard>();
  for (const mark of marks) heard.set(mark.dpuId, hear(heard.get(mark.dpuId) ?? before(mark.dpuId), mark));
  return heard;
}

/** The last receipt minus the allowed lateness (CONTRACT.md, Watermark); null when never heard. */
export function watermarkOf(heard: Heard, nowMs: number, latenessAllowedMs: number): number | null {
  const lastMs = nowMs < heard.holdUntilMs ? heard.heldAtMs : heard.heardAtMs;
  return lastMs === null ? null : lastMs - latenessAllowedMs;
}
