// The whole way from a message to a count in one process, on real storage, with a clock that the test sets.
import { countsKnownAt } from '../../api/count.ts';
import type { Change, Fact } from '../../shared/fact.ts';
import { FloorplanService } from '../../shared/floorplan-service.ts';
import type { DpuId, SpaceId } from '../../shared/ids.ts';
import { Ingest, type Outcome } from '../../shared/ingest.ts';
import { JournalWriter } from '../../shared/journal-writer.ts';
import { createLog } from '../../shared/log.ts';
import type { ProcessorControl } from '../../shared/processor-control.ts';
import { adjustmentsBetween, resetAt } from '../../shared/reset.ts';
import { openEmbeddedBackend, openInfluxRedisBackend } from './pipeline-backends.ts';
import { isInfluxRedis } from './storage.ts';

export type Pipeline = Awaited<ReturnType<typeof openPipeline>>;

export async function openPipeline(startMs: number) {
  const time = { nowMs: startMs };
  const clock = { nowMs: () => time.nowMs, monotonicMs: () => performance.now() };
  const backend = await (isInfluxRedis ? openInfluxRedisBackend(clock) : openEmbeddedBackend(clock));
  const { floorplan, reader, partitions } = backend;
  const writer = new JournalWriter(backend.journal, partitions, clock, createLog('silent'));
  let processor: Omit<ProcessorControl, 'backlog'> = await backend.startProcessor();
  const plan = new FloorplanService(floorplan, writer, {
    applied: (number, timeoutMs) => processor.applied(number, timeoutMs),
  });
  await plan.load();
  const ingest = new Ingest({ writer, plan: plan.plan, clock, futureAllowedMs: 300_000, latenessAllowedMs: 60_000 });

  return {
    time,
    plan,
    reader,
    get processor() {
      return processor;
    },
    /** Resolves once the message is durable. */
    send: (dpuId: string, value: unknown): Promise<readonly Outcome[]> =>
      new Promise((resolve) =>
        ingest.accept({ dpuId: dpuId as DpuId, topic: null, payload: Buffer.from(JSON.stringify(value)) }, resolve),
      ),
    record: (changes: readonly Change[]) => plan.record(() => changes, null),
    /** The processor is gone with all that it had in memory; another one goes on from what is stored. */
    restartProcessor: async () => {
      await processor.close();
      processor = await backend.startProcessor();
    },
    /** Works out the extremes of closed hours, which otherwise waits for a quiet moment. */
    tidy: () => backend.tidy(time.nowMs),
    caughtUp: () => processor.caughtUp(10_000),
    /** By the definition: the reset's count, the deltas since, the adjustments since. */
    countAt: async (space: string, atMs: number): Promise<number> => {
      const id = space as SpaceId;
      const start = resetAt(plan.plan, id, atMs);
      const since = await reader.net(id, start?.atMs ?? null, atMs);
      const adjustments = adjustmentsBetween(plan.plan, id, start?.atMs ?? Number.NEGATIVE_INFINITY, atMs);
      const adjusted = adjustments.reduce((sum, entry) => sum + (entry.change ?? 0), 0);
      return (start?.count ?? 0) + since + adjusted;
    },
    /** As anyone would have been told at `knownAtMs`; `facts` are all that speak of the space's building. */
    countKnownAt: async (
      space: string,
      atMs: number,
      knownAtMs: number,
      facts: readonly Fact[] = plan.facts,
    ): Promise<number> => {
      const [known] = await countsKnownAt({ facts, history: reader }, [space as SpaceId], atMs, knownAtMs);
      return known?.count as number;
    },
    /** As kept by the processor; the reset's count and the adjustments since are facts, not sums. */
    liveCount: async (space: string): Promise<number> => {
      const id = space as SpaceId;
      const start = resetAt(plan.plan, id, time.nowMs);
      const [live] = await reader.counts([id]);
      if ((live?.startAtMs ?? null) !== (start?.atMs ?? null))
        throw new Error(`live count of ${space} starts elsewhere`);
      const adjustments = adjustmentsBetween(plan.plan, id, start?.atMs ?? Number.NEGATIVE_INFINITY, time.nowMs);
      const adjusted = adjustments.reduce((sum, entry) => sum + (entry.change ?? 0), 0);
      return (start?.count ?? 0) + (live?.net ?? 0) + adjusted;
    },
    close: async () => {
      await writer.drained();
      await processor.close();
      await backend.close();
    },
  };
}
