// Port: which DPUs are connected, since when and from where, and how often each was refused; told in batches, never by event.
import type { DpuId } from '../ids.ts';

export type Connection = {
  readonly online: boolean;
  /** Connected, or gone, since then; ms since 1970 UTC; null: it never was connected. */
  readonly sinceMs: number | null;
  /** Where it is, or was last. */
  readonly address: string | null;
  readonly mqttVersion: string | null;
  /** How often a connection in its name was refused or closed for cause, by reason. */
  readonly refusals: Readonly<Record<string, number>>;
};

export const NEVER_CONNECTED: Connection = {
  online: false,
  sinceMs: null,
  address: null,
  mqttVersion: null,
  refusals: {},
};

/** A connection of a DPU has begun, or (`online` false) is over. */
export type ConnectionNews = {
  readonly dpuId: DpuId;
  /** Names the connection among all that the DPU ever has. */
  readonly connectionId: string;
  readonly online: boolean;
  readonly atMs: number;
  readonly address: string;
  readonly mqttVersion: string;
};

export type RefusalNews = { readonly dpuId: DpuId; readonly reason: string; readonly times: number };

/** Broker processes tell of their own connections, each under a name of its own. */
export type ConnectionStore = {
  /** Every connection that this teller has told of and that is not over is over at `atMs`. */
  begin(teller: string, atMs: number): Promise<void>;
  /**
   * Stores what has happened. The end of a connection says nothing where the DPU has another one by now. Where tellers can
   * die unseen, one that has told nothing for 10 s is as if begun anew; false: this one was, and has to tell of all again.
   */
  tell(teller: string, news: readonly ConnectionNews[], refusals: readonly RefusalNews[]): Promise<boolean>;
  /** One for each of `dpuIds`, in their order. */
  find(dpuIds: readonly DpuId[]): Promise<Connection[]>;
  /** The revision of the newest change; 0: there was none. */
  newest(): Promise<number>;
  /** DPUs whose connection began or ended after revision `after`, in order, at most CONNECTION_CHANGES_MAX. */
  changes(after: number): Promise<{ readonly revision: number; readonly dpuIds: readonly DpuId[] }>;
  close(): Promise<void>;
};

/** DPUs that one call of `changes` names. */
export const CONNECTION_CHANGES_MAX = 10_000;
