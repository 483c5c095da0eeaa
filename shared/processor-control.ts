// What other services may ask of the processor.
import type { SpaceId } from './ids.ts';

/** A space whose numbers are not one: as kept live, as summed from history, as replayed from the raw events. */
export type Discrepancy = {
  readonly spaceId: SpaceId;
  readonly live: number;
  readonly history: number;
  readonly replay: number;
  readonly detail: string;
};

export type Verification = {
  readonly spaces: number;
  readonly events: number;
  /** Journal position at which all were compared. */
  readonly position: number;
  readonly discrepancies: readonly Discrepancy[];
};

export type ProcessorControl = {
  /** True once fact `number` and all before it hold for all events stored; false when that takes longer than `timeoutMs`. */
  applied(factNumber: number, timeoutMs: number): Promise<boolean>;
  /** True once the journal has been taken in up to where it ended at the call; false when that takes longer than `timeoutMs`. */
  caughtUp(timeoutMs: number): Promise<boolean>;
  /** Compares live counts, history and a replay of all raw events, for every space. */
  verify(): Promise<Verification>;
  /** Makes every projection anew from raw events and facts; answers what differed from what was there before. */
  rebuild(): Promise<Verification>;
  /** Stops after the batch in hand. */
  close(): Promise<void>;
};
