// The error of a partition's former owner.

/** Another process owns the partition by now; nothing was stored. Stop working on it. */
export class FencedError extends Error {}
