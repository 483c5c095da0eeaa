// The thread that syncs appends to disk, so that the event loop never waits for it.
import { systemClock } from '../../clock.ts';
import { serveThread } from '../../thread.ts';
import { openJournalAppender } from './journal-appender.ts';

export type JournalThreadOptions = { readonly dataDir: string; readonly partition: number };

serveThread((options: JournalThreadOptions) => openJournalAppender(options.dataDir, options.partition, systemClock));
