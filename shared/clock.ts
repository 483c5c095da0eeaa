// The only place that reads a clock, so that tests and replays can inject another one.

/** A source of time. `nowMs` is wall time in ms since 1970 UTC; `monotonicMs` never goes back and has no fixed origin. */
export type Clock = {
  nowMs(): number;
  monotonicMs(): number;
};

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
