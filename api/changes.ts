// The change feed as answers: which counts changed, by how much and why.
import type { Fact } from '../shared/fact.ts';
import type { CountChange } from '../shared/storage/changes.ts';
import { formatTimestamp, formatTimestampOrNull } from '../shared/timestamp.ts';

export type ChangeSources = { readonly facts: readonly Fact[]; readonly latenessAllowedMs: number };

/** As the feed, its streams and its readers have it. */
export function changeShape(sources: ChangeSources, change: CountChange) {
  return {
    space_id: change.spaceId,
    from: formatTimestamp(change.fromMs),
    until: formatTimestampOrNull(change.untilMs),
    change: change.change,
    cause: causeShape(sources, change),
    recorded_at: formatTimestamp(change.recordedAtMs),
  };
}

type Cause = {
  readonly kind: 'event' | 'late_event' | 'recount' | 'reset' | 'void';
  /** Of the DPU, of the recount, of the reset (null: a daily one), of the void. */
  readonly id: string | null;
};

function causeShape({ facts, latenessAllowedMs }: ChangeSources, change: CountChange): Cause {
  const { cause, fromMs, recordedAtMs } = change;
  if (cause.kind === 'event') {
    return { kind: recordedAtMs - fromMs > latenessAllowedMs ? 'late_event' : 'event', id: cause.dpuId };
  }
  // Facts are numbered from 1.
  const said = cause.fact === null ? undefined : facts[cause.fact - 1]?.change;
  if (cause.kind === 'reset') {
    const isManual = said?.kind === 'reset' || said?.kind === 'reset_revoked';
    return { kind: 'reset', id: isManual ? said.id : null };
  }
  if (said?.kind === 'void' || said?.kind === 'void_revoked') return { kind: 'void', id: said.id };
  return { kind: 'recount', id: String(cause.fact) };
}
