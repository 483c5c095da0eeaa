// Port: the audit trail, who changed what and when; nothing in it is ever changed, and only what is old goes.

/** What was asked for was done, was not allowed to that key, or was begun and failed. */
export const AUDIT_OUTCOMES = ['done', 'refused', 'failed'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

export type AuditEntry = {
  readonly atMs: number;
  /** The id of the key; null: no key was needed, or it was done on the store itself. */
  readonly by: string | null;
  /** `POST /v1/keys`, or `command key create`. */
  readonly operation: string;
  /** The path of what was changed; null: the whole service. */
  readonly thing: string | null;
  readonly outcome: AuditOutcome;
  /** Of the HTTP answer; null: there was none. */
  readonly status: number | null;
  /** Facts that were recorded; null: none. */
  readonly facts: { readonly first: number; readonly last: number } | null;
  /** What the path does not say; no secrets. */
  readonly detail: string | null;
};

export type AuditQuery = {
  /** [fromMs, untilMs) */
  readonly fromMs?: number;
  readonly untilMs?: number;
  readonly by?: string;
  readonly limit: number;
  /** `next` of the page before. */
  readonly cursor?: string;
};

export type AuditPage = {
  readonly next: string | null;
  readonly results: readonly (AuditEntry & { readonly id: string })[];
};

export type AuditTrail = {
  /** Durable once resolved. Throws TemporaryStorageError while the server is away. */
  append(entry: AuditEntry): Promise<void>;
  /** Newest first, in the order in which they were appended. */
  list(query: AuditQuery): Promise<AuditPage>;
  close(): Promise<void>;
};

/** An auditor looks at a year, and somewhat later than its end. */
export const AUDIT_KEPT_MS = 400 * 86_400_000;
/** Some 40 MB: one change every six minutes in all that time. A key that changes without end cannot fill the disk. */
export const AUDIT_ENTRIES_MAX = 100_000;
/** Entries looked at together. */
export const AUDIT_PAGE = 1_000;

/** Of a command that has done something on the store itself. */
export function entryOfCommand(command: string, thing: string | null, atMs: number): AuditEntry {
  const nothing = { by: null, status: null, facts: null, detail: null };
  return { ...nothing, atMs, operation: `command ${command}`, thing, outcome: 'done' };
}

/** Whether the entry is asked for. */
export function isAsked(entry: AuditEntry, { fromMs, untilMs, by }: AuditQuery): boolean {
  return (
    entry.atMs >= (fromMs ?? Number.NEGATIVE_INFINITY) &&
    entry.atMs < (untilMs ?? Number.POSITIVE_INFINITY) &&
    (by === undefined || entry.by === by)
  );
}
