// What the guard of a connection and the broker that it stands at know of each other.
import type { DpuId } from '../shared/ids.ts';
import type { Ingest } from '../shared/ingest.ts';
import type { AcknowledgementTimes } from './acknowledgement-times.ts';
import type { AedesStream } from './aedes-stream.ts';
import type { FastPath } from './fast-path.ts';
import type { Refusal } from './frames.ts';
import type { Guard } from './guard.ts';
import type { Limits } from './limits.ts';

/** What a guard needs of the broker. */
export type Gate = {
  readonly ingest: Ingest;
  readonly limits: Limits;
  readonly times: AcknowledgementTimes;
  /** False while no PUBLISH may pass. */
  readonly open: boolean;
  /** A PUBLISH is held: `advance()` is to be called when the gate is open again. */
  wait(guard: Guard): void;
  /** Calls `flush` at the end of this turn. */
  flushSoon(path: FastPath): void;
  /** A CONNECT has come: it is to be accepted or refused. */
  connect(guard: Guard): void;
  /** Gives the connection to aedes. */
  serve(guard: Guard): AedesStream;
  /** The connection broke a limit or the protocol and is being closed; `clientId`: whose it said that it is. */
  refused(refusal: Refusal, why: string, clientId?: string): void;
  /** The guard is destroyed. */
  left(guard: Guard): void;
  /** How long it may be silent is another now. */
  lookSoon(guard: Guard): void;
  /** Holds unfinished packets, or answers that are not taken. */
  holds(guard: Guard): void;
  /** Never goes back. */
  nowMs(): number;
  /** What `nowMs` was a quarter of a second ago or later, in whole milliseconds, which costs nothing to know. */
  readonly recentMs: number;
};

/** What a client was accepted as. */
export type Accepted = {
  /** Null: what is no event of a DPU. */
  mayPublish(dpuId: DpuId | null): boolean;
  /** See Doorman. */
  readonly partOf: (() => object) | null;
  /** Null: as many as come. */
  readonly publishesPerSecondMax: number | null;
};
