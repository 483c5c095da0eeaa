// The thread that answers queries, so that a long one never holds up the event loop.
import { serveThread } from '../../thread.ts';
import { openHistoryReader } from './history-reader.ts';

export type HistoryReaderThreadOptions = { readonly dataDir: string };

serveThread((options: HistoryReaderThreadOptions) => openHistoryReader(options.dataDir));
