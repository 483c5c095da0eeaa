// The span that holds every event there can be.
import type { Span } from '../shared/storage/history.ts';

/** The range that `Date` can hold, ms since 1970 UTC (ECMA-262, 21.4.1.1). */
export const EVER: Span = { fromMs: -8.64e15, untilMs: 8.64e15 };
