// The real way from a message to a count on a given folder, in one thread, as recorded and as recovered from a lost disk.
import { Processor } from '../../processor/processor.ts';
import { systemClock } from '../../shared/clock.ts';
import { FloorplanService } from '../../shared/floorplan-service.ts';
import { Ingest } from '../../shared/ingest.ts';
import { JournalWriter } from '../../shared/journal-writer.ts';
import { createLog } from '../../shared/log.ts';
import type { HistoryWriter } from '../../shared/storage/history.ts';
import type { ProcessorStorage } from '../../shared/storage/open.ts';
import { openFloorplan } from '../../shared/storage/sqlite/floorplan.ts';
import { openHistoryReader } from '../../shared/storage/sqlite/history-reader.ts';
import { openJournalAppender } from '../../shared/storage/sqlite/journal-appender.ts';
import { openEmbeddedProcessor } from '../../shared/storage/sqlite/open-processor.ts';

/** `cursor_apart`: the journal position is committed in a transaction of its own, before what was read up to it. */
export type StoresPlant = 'none' | 'cursor_apart';

export type Stores = Awaited<ReturnType<typeof openStores>>;

/** Opens what `footfall start` opens, in its order, without a thread or a listener. */
export async function openStores(dataDir: string, plant: StoresPlant = 'none') {
  const log = createLog('silent');
  // What is open already is closed again when something does not open.
  await using opened = new AsyncDisposableStack();
  const kept = <Store extends { close(): Promise<void> }>(store: Store): Store =>
    opened.adopt(store, (each) => each.close());
  const appender = kept(openJournalAppender(dataDir, 0, systemClock));
  const floorplan = kept(openFloorplan(dataDir, systemClock));
  const reader = kept(openHistoryReader(dataDir));
  const embedded = openEmbeddedProcessor(dataDir);
  const storage = plant === 'none' ? embedded : withCursorApart(embedded);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  // Told by whoever races with it; without anybody waiting it must not end the process.
  failed.catch(() => undefined);
  const { promise: owned, resolve } = Promise.withResolvers<Processor>();
  await storage.journal.own('processor', (ownership) => {
    const processor = new Processor(storage, ownership, systemClock, log);
    processor.run().catch(reject);
    resolve(processor);
  });
  const processor = await owned;
  opened.adopt(processor, (each) =>
    each.close().catch(async (error) => {
      await storage.close();
      throw error;
    }),
  );
  // In service the thread of the journal ends the process at its first error that is not for trying again.
  const append: typeof appender.append = (...entry) =>
    appender.append(...entry).catch((error) => {
      reject(error);
      throw error;
    });
  const writer = new JournalWriter({ append }, 1, systemClock, log);
  const plan = new FloorplanService(floorplan, writer, processor);
  const ingest = new Ingest({
    writer,
    plan: plan.plan,
    clock: systemClock,
    futureAllowedMs: 300_000,
    latenessAllowedMs: 60_000,
  });
  const closing = opened.move();
  // `failed` rejects when the processor or an append fails.
  return { plan, ingest, reader, floorplan, processor, failed, close: () => closing.disposeAsync() };
}

function withCursorApart(storage: ProcessorStorage): ProcessorStorage {
  const history: HistoryWriter = {
    ...storage.history,
    commit: async (batch, endOf) => {
      await storage.history.commit({ ...batch, events: [], quarantined: [], replayed: [] }, endOf);
      return storage.history.commit(batch, endOf);
    },
  };
  return { ...storage, history };
}
