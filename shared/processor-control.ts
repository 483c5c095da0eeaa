// What other services may ask of the processor.
import type { AuditReport } from './storage/history.ts';

/** What `verify` and `rebuild` found, compared at one journal position. */
export type Verification = AuditReport & { readonly position: number };

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
