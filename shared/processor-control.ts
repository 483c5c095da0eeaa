// What other services may ask of the processor.
import type { Measure } from './metrics/reading.ts';
import type { AuditReport } from './storage/history.ts';

/** What `verify` and `rebuild` found, compared at one journal position. */
export type Verification = AuditReport & { readonly position: number };

/** `bytesMax`: at which the journal takes no more of the partition. */
export type Backlog = {
  readonly partition: number;
  readonly entries: number;
  readonly bytes: number;
  readonly bytesMax: number;
  /** Of each loop over it, in their order; `oldestMs`: when the first entry was recorded that it has not taken in. */
  readonly loops: readonly { readonly name: string; readonly entries: number; readonly oldestMs: number | null }[];
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
  /** What stands in the journal and has not been taken in, by partition. */
  backlog(): Promise<Backlog[]>;
  /** Stops after the batch in hand. */
  close(): Promise<void>;
};

/** The processor in this process. */
export type LocalProcessor = ProcessorControl & { readonly measure: Measure };
