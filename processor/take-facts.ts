// Facts taken in: what each one maps differently, and what it changes in resets.
import type { Atlas, Remapping } from '../shared/atlas.ts';
import type { Fact } from '../shared/fact.ts';
import type { LiveStart, RecordedShift, TakenFact, TakenFacts } from '../shared/storage/history.ts';
import type { ResetBook } from './reset-book.ts';

/** Applies `facts`, one after the other, to `atlas`, whose plan is that of `book`. */
export function takeFacts(
  facts: readonly Fact[],
  atlas: Atlas,
  book: ResetBook,
): Pick<TakenFacts, 'facts' | 'starts' | 'shifts' | 'dueMs'> {
  const taken: TakenFact[] = [];
  const starts: LiveStart[] = [];
  const shifts: RecordedShift[] = [];
  for (const fact of facts) {
    let remappings: readonly Remapping[] = [];
    const move = book.take(fact, () => {
      remappings = atlas.apply(fact);
    });
    taken.push({ factNumber: fact.number, recordedAtMs: fact.recordedAtMs, remappings });
    starts.push(...move.starts);
    shifts.push(...move.shifts);
  }
  return { facts: taken, starts, shifts, dueMs: book.dueMs };
}
