// Replay from quarantine: items are ingested again as they came, because what was wrong with them may be right by now.
import type { QuarantineReason } from './event.ts';
import type { DpuId } from './ids.ts';
import type { Ingest, Outcome } from './ingest.ts';
import type { QuarantineItem, QuarantineReader } from './storage/quarantine.ts';

export type ReplayDependencies = {
  readonly ingest: Pick<Ingest, 'accept'>;
  readonly history: QuarantineReader;
};

/** Which items: all that fit everything given. */
export type ReplayQuery = {
  readonly ids?: readonly string[];
  readonly reason?: QuarantineReason;
  readonly dpuId?: DpuId;
};

export type Replayed = {
  /** Items that are done with: what they were quarantined for is stored now. */
  readonly replayed: number;
  readonly stillQuarantined: number;
  /** Events that were accepted, those that had been stored before included. */
  readonly events: number;
};

/** Items read and replayed together: bounded, because each holds a whole message. */
const PAGE_SIZE = 200;

/** Replays the items of the query and resolves once what was good in them is durable. Repeating it is harmless. */
export async function replayQuarantine({ ingest, history }: ReplayDependencies, query: ReplayQuery): Promise<Replayed> {
  const sum = { replayed: 0, stillQuarantined: 0, events: 0 };
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page = await history.list({ ...query, limit: PAGE_SIZE, ...(cursor === undefined ? {} : { cursor }) });
    const results = await Promise.all(page.results.map((item) => acceptAgain(ingest, item)));
    for (const [index, outcomes] of results.entries()) {
      const accepted = outcomes.filter((outcome) => outcome.status === 'accepted').length;
      const isStillBad = outcomes.some((outcome) => outcome.reason === page.results[index]?.reason);
      sum.events += accepted;
      if (accepted > 0 && !isStillBad) sum.replayed += 1;
      else sum.stillQuarantined += 1;
    }
    cursor = page.next;
  }
  return sum;
}

/** What became of the item's events. Without a DPU, or without its bytes, there is nothing to ingest. */
function acceptAgain(ingest: Pick<Ingest, 'accept'>, item: QuarantineItem): Promise<readonly Outcome[]> {
  const { id, dpuId, topic, payload } = item;
  if (dpuId === null || item.reason === 'too_large') return Promise.resolve([]);
  return new Promise((stored) => ingest.accept({ dpuId, topic, payload, replayOf: id }, stored));
}
