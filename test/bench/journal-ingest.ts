// Ingest on a journal of its own, with nobody who takes in what it stores: for hosts that measure a way into it.
import { systemClock } from '../../shared/clock.ts';
import { Floorplan } from '../../shared/floorplan.ts';
import type { DpuId } from '../../shared/ids.ts';
import { Ingest } from '../../shared/ingest.ts';
import { JournalWriter } from '../../shared/journal-writer.ts';
import { createLog } from '../../shared/log.ts';
import type { JournalAppender } from '../../shared/storage/sqlite/journal-appender.ts';
import { startThread } from '../../shared/thread.ts';

export async function openJournalIngest(dpuIds: readonly string[], dataDir: string): Promise<Ingest> {
  const log = createLog('warn');
  const plan = new Floorplan();
  for (const [index, id] of dpuIds.entries()) {
    const change = { kind: 'dpu', id: id as DpuId, name: id, retiredAtMs: null } as const;
    plan.apply({ number: index + 1, recordedAtMs: 0, by: null, change });
  }
  const journal = await startThread<Pick<JournalAppender, 'append'>>(
    new URL('../../shared/storage/sqlite/journal-thread.ts', import.meta.url),
    { dataDir, partition: 0, workers: 0 },
    (error) => {
      throw error;
    },
    'at once',
  );
  const writer = new JournalWriter(journal, 1, systemClock, log);
  return new Ingest({ writer, plan, clock: systemClock, futureAllowedMs: 300_000, latenessAllowedMs: 60_000 });
}
