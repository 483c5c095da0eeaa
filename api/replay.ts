// Replay from quarantine over HTTP: of what an operator asks for, and of the events that waited for a DPU to be made.
import type { DpuId } from '../shared/ids.ts';
import { type Replayed, type ReplayQuery, replayQuarantine } from '../shared/quarantine-replay.ts';
import type { ApiDependencies } from './dependencies.ts';
import { journalUnavailable, unlessFailing } from './recording.ts';

/** How long an answer waits for what was replayed to be in the counts. */
const COUNTED_TIMEOUT_MS = 5_000;

type ReplayDependencies = Pick<ApiDependencies, 'ingest' | 'history' | 'processor'>;

/** Replays, and waits until it is counted. What is still in the journal is looked at too. */
export async function replay(dependencies: ReplayDependencies, query: ReplayQuery): Promise<Replayed> {
  const { ingest, processor } = dependencies;
  if (ingest.writer.failing) throw journalUnavailable('nothing was replayed; try again');
  await processor.caughtUp(COUNTED_TIMEOUT_MS);
  const replayed = await unlessFailing(ingest.writer, replayQuarantine(dependencies, query));
  if (replayed.events > 0) await processor.caughtUp(COUNTED_TIMEOUT_MS);
  return replayed;
}

/** Replays what came from these DPUs before they were in the floor plan. */
export async function replayUnknown(dependencies: ReplayDependencies, dpuIds: readonly DpuId[]): Promise<void> {
  const { ingest, history, processor } = dependencies;
  // What was judged before the DPU was shown may still be on its way through the journal.
  await unlessFailing(ingest.writer, ingest.writer.flushed());
  await processor.caughtUp(COUNTED_TIMEOUT_MS);
  const isWaiting = (await history.list({ reason: 'unknown_dpu', limit: 1 })).total > 0;
  if (!isWaiting) return;
  let events = 0;
  for (const dpuId of dpuIds) {
    const work = replayQuarantine({ ingest, history }, { reason: 'unknown_dpu', dpuId });
    events += (await unlessFailing(ingest.writer, work)).events;
  }
  if (events > 0) await processor.caughtUp(COUNTED_TIMEOUT_MS);
}
