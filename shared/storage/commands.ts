// Port: commands for DPUs, kept until they are delivered, withdrawn or expired.
import type { DpuId } from '../ids.ts';

export type Command = {
  readonly id: string;
  readonly dpuId: DpuId;
  /** What the DPU is sent, as JSON. */
  readonly payload: string;
  readonly queuedAtMs: number;
  /** From then on it is not delivered any more. */
  readonly expiresAtMs: number;
  /** Null: not yet. */
  readonly deliveredAtMs: number | null;
};

/** Of one DPU, not delivered and not expired; more are refused. */
export const COMMANDS_WAITING_MAX = 100;
/** Of one DPU, the newest of those that no longer wait. */
export const COMMANDS_DONE_KEPT = 100;

export type CommandState = 'queued' | 'delivered' | 'expired';

export function stateOf({ deliveredAtMs, expiresAtMs }: Command, nowMs: number): CommandState {
  if (deliveredAtMs !== null) return 'delivered';
  return expiresAtMs <= nowMs ? 'expired' : 'queued';
}

/** All calls throw TemporaryStorageError while the server is away or the disk is full; the same call is good again. */
export type CommandStore = {
  /** Durable once resolved; false: nothing was stored, because as many as may wait are waiting at its `queuedAtMs`. */
  queue(command: Command): Promise<boolean>;
  /** Those that are kept of a DPU, in the order in which they were queued. */
  list(dpuId: DpuId): Promise<Command[]>;
  /** Durable once resolved; of several times the first counts, and what is not kept any more is nothing. */
  delivered(dpuId: DpuId, id: string, atMs: number): Promise<void>;
  /** Takes away what is not delivered; answers what it was, null: not there. */
  withdraw(dpuId: DpuId, id: string): Promise<Command | null>;
  /** The DPUs for which something was queued after number `after`, with the newest number; null: just that number. */
  since(after: number | null): Promise<{ readonly number: number; readonly dpuIds: readonly DpuId[] }>;
  /** Calls `onQueued` when `since` may have more to tell, until the store is closed. */
  follow(onQueued: () => void): Promise<void>;
  close(): Promise<void>;
};
