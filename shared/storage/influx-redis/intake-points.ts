// What a batch of the history group comes to: the points of its events and deltas, and what of them live counts do not hold yet.
import type { EndOfEvent } from '../history.ts';
import { duplicateLines } from './duplicates.ts';
import { numberOf } from './history-parts.ts';
import type { Judged, Judgement } from './judge.ts';
import type { LateCommit } from './late-commit.ts';
import type { LiveWriter } from './live-writer.ts';
import { HOUR_MS, Marking } from './marking.ts';
import type { PartitionHash } from './partition-hash.ts';
import { deltaLine, eventLine } from './points.ts';
import { addDelta, deltasOf } from './space-state.ts';

/** The points of new events and of copies, and the marks that must be set before they are written. */
export function pointsOf({ fresh, duplicates }: Judgement, live: LiveWriter, partition: number) {
  const marking = new Marking(partition);
  const lines = duplicateLines(duplicates, partition);
  for (const { event, slot } of fresh) {
    lines.push(eventLine(event, slot, partition));
    const number = numberOf(live, event.dpuId);
    for (const delta of deltasOf(event.mapping, event.direction)) {
      marking.add(delta.spaceId, event.timestampMs);
      lines.push(deltaLine({ timestampMs: event.timestampMs, slot }, delta, { number, partition }));
    }
  }
  return { marking, lines };
}

/** Counts new events: in the feed all of them, in `commit.draft` what the live group has not counted. */
export function count(judged: readonly Judged[], late: PartitionHash, commit: LateCommit, endOf: EndOfEvent): void {
  for (const { event, isLate } of judged) {
    const { timestampMs, recordedAtMs, dpuId } = event;
    const recordedHour = Math.floor(recordedAtMs / HOUR_MS);
    commit.arrivals.set(`${recordedHour} ${Math.floor(timestampMs / HOUR_MS)}`, recordedHour);
    for (const delta of deltasOf(event.mapping, event.direction)) {
      commit.feed.delta(delta, timestampMs, { kind: 'event', dpuId, recordedAtMs }, endOf);
      // What is in order was counted by the live group, since the reset only from where that one began to.
      const from = late.spaces.get(delta.spaceId)?.since?.from;
      if (isLate) addDelta(commit.draft.space(delta.spaceId), delta, timestampMs, 'all');
      else if (from !== undefined && event.position <= from)
        addDelta(commit.draft.space(delta.spaceId), delta, timestampMs, 'since');
    }
  }
}
