// Port: the durable, ordered, partitioned log that is the only door into the processor.

/** Names one entry: `appender` is fresh at each start of the process that appends, `seq` counts its entries from 1. */
export type EntryId = { readonly appender: string; readonly seq: number };

export type Entry = {
  /** Grows along the partition; not consecutive. */
  readonly position: number;
  /** Server clock at the append, ms since 1970 UTC; never goes back along the partition. */
  readonly recordedAtMs: number;
  readonly id: EntryId;
  readonly bytes: Uint8Array;
};

/** The right to read a partition and to commit its position, until `lost` is aborted. */
export type Ownership = { readonly partition: number; readonly epoch: number; readonly lost: AbortSignal };

export type JournalLag = {
  readonly newest: number;
  readonly entries: number;
  readonly bytes: number;
  /** The partition takes no more above this. */
  readonly bytesMax: number;
  /** When the first of the entries was recorded; null: there is none. */
  readonly oldestMs: number | null;
};

export type Journal = {
  /** What a resolved append has survived: `fsync` power loss, `replicated` the loss of a machine. */
  readonly durability: 'fsync' | 'replicated';
  /**
   * Resolves once the entry is durable; appends of one appender are stored in the order of the calls. A rejection means
   * unknown: call again with the same id and bytes; an id already stored resolves and stores nothing.
   * `notBeforeMs`: the entry and all after it are recorded at that instant or later.
   */
  append(partition: number, bytes: Uint8Array, id: EntryId, notBeforeMs?: number): Promise<void>;
  /** Calls `onOwned` for each partition that `group` may read here, now and whenever more are assigned. */
  own(group: string, onOwned: (ownership: Ownership) => void): Promise<void>;
  /**
   * The next entries in order after `after`: at least one and, after that one, no more than `maxBytes`; waits while
   * there are none. Empty only when the ownership is lost or the journal closed.
   */
  read(ownership: Ownership, after: number, options: { maxBytes: number }): Promise<Entry[]>;
  /** Nothing up to `position` is needed by the ownership's group again. Rejects when another epoch owns the partition. */
  commit(ownership: Ownership, position: number): Promise<void>;
  /** The position of the newest entry of the partition (0: none), and what comes after `after`. */
  lag(partition: number, after: number): Promise<JournalLag>;
  close(): Promise<void>;
};
