// A history writer as properties, for those who put something before one of its calls: those of a class are not copied with it.
import type { HistoryWriter } from '../shared/storage/history.ts';

export function callsOf(history: HistoryWriter): HistoryWriter {
  return {
    progress: (partition) => history.progress(partition),
    commit: (batch, endOf) => history.commit(batch, endOf),
    takeFacts: (facts) => history.takeFacts(facts),
    moveResets: (partition, move) => history.moveResets(partition, move),
    recountSome: (endOf) => history.recountSome(endOf),
    tidy: (beforeMs) => history.tidy(beforeMs),
    audit: (truth, options) => history.audit(truth, options),
    close: () => history.close(),
  };
}
