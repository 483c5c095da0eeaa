// Errors that tell the caller what to do.

/** Nothing of it was stored; the same call may succeed later (disk full, server away). */
export class TemporaryStorageError extends Error {}

/** The same, of the server that keeps history, while live counts and the journal may well go on. */
export class HistoryUnavailableError extends TemporaryStorageError {}
