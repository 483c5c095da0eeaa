// Errors that tell the caller what to do.

/** Nothing of it was stored; the same call may succeed later (disk full, server away). */
export class TemporaryStorageError extends Error {}
