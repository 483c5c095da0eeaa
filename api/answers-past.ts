// The schemas of answers about the past: why a count is what it is, how it drifts, and who said what.
import { z } from 'zod';
import { FINDING_KINDS } from '../shared/health/finding.ts';
import { eventAnswer, moment, momentOrNull, text, textOrNull } from './answers.ts';

export const explainAnswer = z
  .object({
    space_id: text,
    at: moment,
    count: z.int().describe("The reset's count and all of `deltas`."),
    reset: z.object({ id: textOrNull, at: moment, count: z.int() }).nullable(),
    placements: z.array(z.object({ dpu_id: text, from: momentOrNull, until: momentOrNull })),
    deltas: z.object({ on_time: z.int(), late: z.int(), recounted: z.int(), adjusted: z.int() }),
    events: z.object({
      total: z.int(),
      duplicates: z.int().describe('Copies of the events that came again; they change nothing.'),
      voided: z.int(),
      unplaced: z.int(),
      quarantined: z.int(),
    }),
    results: z.array(
      eventAnswer.extend({
        kind: z.enum(['on_time', 'late']),
        delta: z.int().describe('As all facts so far have it.'),
        duplicates: z.int().describe('How often it came again.'),
        recounted: z.int().describe('How much of `delta` came by facts recorded after the event.'),
      }),
    ),
    next: textOrNull,
  })
  .meta({ id: 'Explanation' });
export const driftAnswer = z
  .object({
    space_id: text,
    results: z.array(
      z.object({
        date: text,
        at: moment,
        count: z.int().describe('Just before `at`, when nobody should have been in.'),
        drift: z.int().describe('How much of it came since the night before.'),
        suggested_reset: z
          .object({ at: moment, count: z.int(), reason: text })
          .nullable()
          .describe('What to POST to the resets of the space to remove it; nothing is applied by itself.'),
      }),
    ),
  })
  .meta({ id: 'Drift' });
export const recountAnswer = z
  .object({
    id: text,
    status: z.enum(['running', 'done']),
    events_total: z.int().describe('Events that it touches; an estimate while it runs.'),
    events_done: z.int(),
    spaces: z.array(text),
    cause: z.object({ kind: text, id: textOrNull }).describe('What was said that made it.'),
  })
  .meta({ id: 'Recount', description: 'Until it is done, counts that it touches are provisional.' });
export const changeAnswer = z
  .object({
    space_id: text,
    from: moment,
    until: momentOrNull.describe('null: for ever, or until a reset that is still to come.'),
    change: z.int(),
    cause: z.object({ kind: z.enum(['event', 'late_event', 'recount', 'reset', 'void']), id: textOrNull }),
    recorded_at: moment,
  })
  .meta({ id: 'Change', description: 'The counts of the space in [from, until) changed by `change`.' });
export const changesAnswer = z.object({
  next: text.describe('Where to go on, also when there is nothing more yet.'),
  results: z.array(changeAnswer),
});
export const factAnswer = z
  .object({
    number: z.int(),
    recorded_at: moment,
    by: textOrNull.describe('Id of the key; null where none was needed.'),
    reason: textOrNull,
    change: z.looseObject({ kind: text }),
  })
  .meta({ id: 'Fact' });
export const healthAnswer = z
  .object({
    from: moment.describe('Where what was looked at begins: later than asked for when there were too many events.'),
    until: moment,
    events: z.int().describe('Looked at.'),
    events_max: z.int(),
    total: z.int(),
    results: z.array(
      z.object({
        kind: z.enum(FINDING_KINDS),
        space_ids: z.array(text),
        dpu_ids: z.array(text),
        evidence: z.record(text, z.union([z.number(), moment])).describe('Numbers and times by name.'),
        action: text.describe('What to do.'),
      }),
    ),
  })
  .meta({ id: 'Health' });
export const dryRunAnswer = z
  .object({
    spaces: z.array(
      z.object({
        space_id: text,
        from: moment,
        until: moment,
        days: z.array(
          z.object({
            date: text,
            count_before: z.int().describe('At the end of the day, as it is.'),
            count_after: z.int().describe('At the end of the day, as it would be.'),
            largest_difference: z.int(),
          }),
        ),
      }),
    ),
    events: z.int().describe('That would be mapped differently.'),
  })
  .meta({ id: 'DryRun', description: 'With dry_run=true: what would change. Nothing was changed.' });
