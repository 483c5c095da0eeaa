// The thread that syncs appends to disk, so that the event loop never waits for it; that of partition 0 gathers the others.
import { systemClock } from '../../clock.ts';
import { serveThread } from '../../thread.ts';
import { type JournalAppender, openJournalAppender } from './journal-appender.ts';
import { journalPath, type Notice, openChannel } from './journal-file.ts';
import { followGathered, openGatherer } from './journal-gatherer.ts';

/** `workers`: broker processes with a partition each, 1 to `workers`; read by partition 0 only. */
export type JournalThreadOptions = { readonly dataDir: string; readonly partition: number; readonly workers: number };

export type JournalThread = Pick<JournalAppender, 'append'> & { gathered(): Promise<void> };

serveThread(({ dataDir, partition, workers }: JournalThreadOptions): JournalThread & { close(): Promise<void> } => {
  const { append, close, ...appender } = openJournalAppender(dataDir, partition, systemClock);
  if (partition > 0) {
    const channel = openChannel(journalPath(dataDir, partition));
    const unfollow = followGathered(dataDir, partition, (committed) =>
      channel.postMessage({ committed } satisfies Notice),
    );
    const end = async () => {
      unfollow();
      channel.close();
      await close();
    };
    return { append, gathered: async () => undefined, close: end };
  }
  const gatherer = openGatherer(dataDir, workers, { append, close, ...appender });
  const end = async () => {
    gatherer.close();
    await close();
  };
  return { append, gathered: gatherer.gathered, close: end };
});
