// Port: the facts, appended and numbered, and the outbox through which every partition learns of them in order.
import type { Change, Fact } from '../fact.ts';

/** Message of the error when somebody else recorded a fact since `expected` was read: read again and decide again. */
export const FLOORPLAN_CONFLICT = 'floor plan changed meanwhile';

/** Message of the error when nothing was stored for lack of room; the same call may succeed later. */
export const FLOORPLAN_FULL = 'the disk of the floor plan is full';

export type FloorplanStore = {
  /**
   * Appends `changes` as the facts `expected + 1` and on, all or none, durable once resolved, together with the outbox
   * row that announces them. Throws FLOORPLAN_CONFLICT when fact `expected` is not the newest, FLOORPLAN_FULL when there is no room.
   */
  append(changes: readonly Change[], expected: number, by: string | null): Promise<Fact[]>;
  /** The facts numbered above `after`, in order, at most `limit` (default 10,000). */
  read(after: number, limit?: number): Promise<Fact[]>;
  /** The newest fact already announced to every partition; 0 for none. */
  announced(): Promise<number>;
  /** Facts up to `number` have been announced to every partition. Never goes back. */
  markAnnounced(number: number): Promise<void>;
  /** Calls `onAnnounced` soon after any process has announced facts; it may be called without need. */
  follow(onAnnounced: () => void): Promise<void>;
  close(): Promise<void>;
};
