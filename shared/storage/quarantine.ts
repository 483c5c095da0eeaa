// Port: what was received and could not be counted, with its bytes and the reason.
import type { QuarantineReason } from '../event.ts';
import type { DpuId } from '../ids.ts';

export type QuarantineItem = {
  readonly id: string;
  readonly topic: string | null;
  readonly dpuId: DpuId | null;
  readonly reason: QuarantineReason;
  readonly receivedAtMs: number;
  readonly payload: Uint8Array;
  readonly detail: string;
};

export type QuarantineQuery = {
  readonly ids?: readonly string[];
  readonly reason?: QuarantineReason;
  readonly dpuId?: DpuId;
  readonly limit: number;
  /** From the page before; opaque. */
  readonly cursor?: string;
};

export type QuarantineReader = {
  /** Items not yet replayed, newest first. */
  list(query: QuarantineQuery): Promise<{ total: number; next: string | null; results: QuarantineItem[] }>;
};
