// Port: recounts, as those see them who wait for one.
import type { SpaceId } from '../ids.ts';

export type RecountState = {
  /** The number of the fact that made it. */
  readonly fact: number;
  /** Events with timestamps in [fromMs, untilMs) of these spaces are touched. */
  readonly spaceIds: readonly SpaceId[];
  readonly fromMs: number;
  readonly untilMs: number;
  /** An estimate until it is done. */
  readonly eventsTotal: number;
  readonly eventsDone: number;
  readonly isDone: boolean;
};

export type RecountReader = {
  /** Recounts of the facts from `first` to `last`, in order; facts that touched no stored event have none. */
  recounts(first: number, last: number): Promise<RecountState[]>;
  /** Those that are not done. */
  openRecounts(): Promise<RecountState[]>;
};
