// What has become of the events and messages that this process has taken in since its start.
import { QUARANTINE_REASONS } from '../shared/event.ts';
import { counter, type Reading } from '../shared/metrics/reading.ts';
import type { Batch, HistoryWriter, Stored } from '../shared/storage/history.ts';
import type { ProcessorStorage } from '../shared/storage/open.ts';
import { callsOf } from './history-calls.ts';

export class Tally {
  readonly #events = { counted: 0, duplicate: 0, unplaced: 0, voided: 0 };
  readonly #quarantined = Object.fromEntries(QUARANTINE_REASONS.map((reason) => [reason, 0]));

  /** A batch has been committed. */
  add({ events, quarantined }: Pick<Batch, 'events' | 'quarantined'>, { stored, unplaced, voided }: Stored): void {
    this.#events.counted += stored - unplaced - voided;
    this.#events.duplicate += events.length - stored;
    this.#events.unplaced += unplaced;
    this.#events.voided += voided;
    for (const { reason } of quarantined) this.#quarantined[reason] = (this.#quarantined[reason] ?? 0) + 1;
  }

  /** `storage`, with everything that is committed to it added up. */
  ofCommits(storage: ProcessorStorage): ProcessorStorage {
    const { history } = storage;
    const commit: HistoryWriter['commit'] = async (batch, endOf) => {
      const stored = await history.commit(batch, endOf);
      this.add(batch, stored);
      return stored;
    };
    return { ...storage, history: { ...callsOf(history), commit } };
  }

  measure(): Reading[] {
    return [
      counter('footfall_events_total', 'Events taken in, by what became of them', { ...this.#events }, 'fate'),
      counter('footfall_quarantined_total', 'Messages quarantined, by reason', { ...this.#quarantined }, 'reason'),
    ];
  }
}
