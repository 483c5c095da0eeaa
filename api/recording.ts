// Recording changes of the floor plan, and waiting for the journal, without hanging while it takes no appends.
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Change, Fact } from '../shared/fact.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import type { JournalWriter } from '../shared/journal-writer.ts';
import { FLOORPLAN_FULL } from '../shared/storage/floorplan.ts';
import { withoutNames } from './confinement.ts';
import type { ApiDependencies } from './dependencies.ts';
import { DryRunDone, dryRun } from './dry-run.ts';
import { Problem } from './problem.ts';
import { noteRecorded } from './recount-notice.ts';
import { recountsDone } from './recounts.ts';
import type { dryRunQuery } from './schemas.ts';

/** How often the journal is looked at while an answer waits for it. */
const LOOK_EVERY_MS = 500;
const RETRY_AFTER_S = 5;

/** What clients are told while the journal takes no appends. */
export function journalUnavailable(detail: string): Problem {
  return new Problem('journal_unavailable', detail, { retryAfterS: RETRY_AFTER_S });
}

/**
 * Records what `decide` makes of the floor plan, in the name of the request's key, if its view permits it. With
 * `dry_run` nothing is recorded, and DryRunDone is thrown. 503 while the journal is failing.
 */
export async function record(
  dependencies: Pick<ApiDependencies, 'floorplan' | 'ingest' | 'history' | 'clock' | 'processor'>,
  request: Pick<FastifyRequest, 'identity' | 'query' | 'view' | 'recorded'>,
  decide: (plan: Floorplan) => readonly Change[],
): Promise<readonly Fact[]> {
  const { floorplan, ingest, history, clock, processor } = dependencies;
  const { identity } = request;
  const permitted = (plan: Floorplan): readonly Change[] => {
    try {
      const changes = decide(plan);
      request.view.permit(plan, changes);
      return changes;
    } catch (error) {
      throw request.view.within === null ? error : withoutNames(error);
    }
  };
  if ((request.query as z.output<typeof dryRunQuery>).dry_run === 'true') {
    const { plan, facts } = floorplan;
    await recountsDone(processor, facts.length);
    const { spaces, events } = await dryRun({ facts, history, clock }, permitted(plan));
    throw new DryRunDone({ spaces: spaces.filter(({ space_id }) => request.view.plan.spaces.has(space_id)), events });
  }
  if (ingest.writer.failing) throw journalUnavailable('nothing was changed; try again');
  const recording = floorplan.record(permitted, identity?.id ?? null);
  const facts = await unlessFailing(ingest.writer, recording).catch((error: Error) => {
    if (error.message !== FLOORPLAN_FULL) throw error;
    throw journalUnavailable('the disk is full and nothing was changed; free some space, then try again');
  });
  noteRecorded(request, facts);
  return facts;
}

/** `work`, or 503 as soon as the journal fails, or after `timeoutMs`: the work then goes on, and may still take effect. */
export async function unlessFailing<Result>(
  writer: JournalWriter,
  work: Promise<Result>,
  timeoutMs = Number.POSITIVE_INFINITY,
): Promise<Result> {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  let waitedMs = 0;
  const timer = setInterval(() => {
    waitedMs += LOOK_EVERY_MS;
    if (!writer.failing && waitedMs < timeoutMs) return;
    reject(journalUnavailable('it may still take effect; the same event again is harmless, else look before you try'));
  }, LOOK_EVERY_MS);
  try {
    return await Promise.race([work, failed]);
  } finally {
    clearInterval(timer);
    work.catch(() => undefined);
  }
}
