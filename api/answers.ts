// The schemas of answers: what OpenAPI says of them, and what the handlers are type-checked against.
import { z } from 'zod';
import { INTERVALS } from '../shared/calendar.ts';
import { SCOPES } from '../shared/credential.ts';
import { QUARANTINE_REASONS } from '../shared/event.ts';
import { PROBLEMS, type ProblemCode } from './problem.ts';

export const moment = z.string().meta({ format: 'date-time', examples: ['2018-02-24T08:45:21.893Z'] });
export const momentOrNull = moment.nullable();
export const text = z.string();
export const textOrNull = z.string().nullable();
const retiredAt = moment.optional().describe('Only there once it is retired.');
const side = z.enum(['a', 'b']);

/** One page of a list. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({ total: z.int(), next: textOrNull.describe('Cursor of the next page.'), results: z.array(item) });
}

export const suggestedReset = z
  .object({ space_id: text, at: moment, change: z.int() })
  .meta({ id: 'SuggestedReset', description: 'What to POST to the resets of the space if the people moved with it.' });
const suggestedResets = z
  .array(suggestedReset)
  .optional()
  .describe('Only in the answer to a change of a parent or side, which moves nobody by itself.');

const space = z.object({
  id: text,
  name: text,
  parent_id: textOrNull,
  time_zone: text,
  daily_reset: textOrNull,
  capacity: z.int().nullable(),
  retired_at: retiredAt,
});
export const spaceAnswer = space.extend({ suggested_resets: suggestedResets }).meta({ id: 'Space' });
export const spaceVersionAnswer = z
  .object({ from: momentOrNull, parent_id: textOrNull, time_zone: text, daily_reset: textOrNull })
  .meta({ id: 'SpaceVersion' });

const doorway = z.object({ id: text, name: text, a: textOrNull, b: textOrNull, retired_at: retiredAt });
export const doorwayAnswer = doorway.extend({ suggested_resets: suggestedResets }).meta({ id: 'Doorway' });
export const doorwayVersionAnswer = z
  .object({ from: momentOrNull, a: textOrNull, b: textOrNull })
  .meta({ id: 'DoorwayVersion' });

export const dpuAnswer = z.object({ id: text, name: text, retired_at: retiredAt }).meta({ id: 'Dpu' });

export const placementAnswer = z
  .object({ id: text, dpu_id: text, doorway_id: text, facing: side, from: momentOrNull, until: momentOrNull })
  .meta({ id: 'Placement' });

const voidFields = { id: text, dpu_id: text, from: moment, until: moment, reason: textOrNull };
const recorded = { recorded_at: moment, revoked_at: momentOrNull };
export const voidAnswer = z.object({ ...voidFields, ...recorded }).meta({ id: 'Void' });

const outageFields = z.object({ ...voidFields, from: momentOrNull, until: momentOrNull });
export const outageAnswer = outageFields.extend(recorded).meta({ id: 'Outage' });

const resetFields = {
  id: text,
  space_id: text,
  at: moment,
  count: z.int().nullable(),
  change: z.int().nullable(),
  reason: textOrNull,
};
export const resetAnswer = z.object({ ...resetFields, ...recorded }).meta({ id: 'Reset' });

export const floorplanAnswer = z
  .object({
    spaces: z.array(space.extend({ versions: z.array(spaceVersionAnswer).optional() })),
    doorways: z.array(doorway.extend({ versions: z.array(doorwayVersionAnswer).optional() })),
    dpus: z.array(
      dpuAnswer.extend({
        placements: z.array(placementAnswer),
        voids: z.array(z.object(voidFields)),
        outages: z.array(outageFields).optional(),
      }),
    ),
    resets: z.array(z.object(resetFields)),
  })
  .meta({ id: 'Floorplan' });
export const floorplanChangedAnswer = z.object({
  changes: z.int().describe('Facts recorded; 0 when the floor plan was like this already.'),
  spaces: z.int(),
  doorways: z.int(),
  dpus: z.int(),
  resets: z.int(),
});

/** A number of people; where small ones are suppressed they are null. */
const number = z.int().nullable();
const suppressed = z
  .string()
  .optional()
  .describe('Only there for a key to which small counts are not told: those that are null are from 1 to below this.')
  .meta({ examples: ['<5'] });
export const countAnswer = z
  .object({
    space_id: text,
    at: moment.describe('The moment that the count holds for.'),
    count: number,
    occupancy: number.describe('max(0, count)'),
    status: z.enum(['settled', 'provisional']).optional().describe('Not there with known_at.'),
    watermark: momentOrNull
      .optional()
      .describe('Up to when all events of the space are believed to have arrived; null: a DPU was never heard.'),
    waiting_for: z.array(text).optional().describe('The DPUs that hold it back, at most 100.'),
    lost: z.array(text).optional().describe('DPUs unheard for so long that nobody waits for them, at most 100.'),
    coverage: z.enum(['full', 'partial', 'none']).optional().describe('Whether the doorways had DPUs all the time.'),
    reset: z
      .object({ id: textOrNull.describe('null: a daily reset'), at: moment, count: number, suppressed })
      .nullable(),
    known_at: moment.optional().describe('Only there when it was asked with.'),
    revision: z.int().nullable().describe('Grows with every change of any count of the space; null with suppression.'),
    today: z
      .object({ entrances: number, exits: number, peak: number, suppressed })
      .optional()
      .describe('With include=today: from local midnight to `at`.'),
    suppressed,
  })
  .meta({ id: 'Count' });
export const eventAnswer = z
  .object({
    dpu_id: text,
    timestamp: moment,
    direction: z.union([z.literal(1), z.literal(-1)]),
    epoch: z.int().nullable(),
    seq: z.int().nullable(),
    received_at: moment,
    recorded_at: moment,
    status: z.enum(['counted', 'unplaced', 'voided']),
  })
  .meta({ id: 'StoredEvent' });
const analytics = z.object({ min: number, max: number, entrances: number, exits: number, events: number, suppressed });
export const bucketAnswer = z
  .object({
    timestamp: moment,
    count: number,
    interval: z.object({ start: moment, end: moment, analytics }),
    suppressed,
  })
  .meta({ id: 'Bucket', description: `One of the intervals ${INTERVALS.join(', ')}.` });

const quarantineReason = z.enum(QUARANTINE_REASONS);
export const acceptedAnswer = z.object({
  accepted: z.int(),
  results: z.array(
    z.object({ status: z.enum(['accepted', 'duplicate', 'quarantined']), reason: quarantineReason.nullable() }),
  ),
});
export const quarantineAnswer = z
  .object({
    id: text,
    topic: textOrNull,
    dpu_id: textOrNull,
    reason: quarantineReason,
    received_at: moment,
    payload_base64: text,
    detail: text,
  })
  .meta({ id: 'QuarantineItem' });
export const replayedAnswer = z.object({
  replayed: z.int().describe('Items that are done with.'),
  still_quarantined: z.int(),
  events: z.int().describe('Events accepted, those that had been stored before included.'),
});

export const verificationAnswer = z
  .object({
    equal: z.boolean(),
    spaces: z.int(),
    events: z.int(),
    position: z.int(),
    discrepancies: z.array(
      z.object({ space_id: textOrNull, live: z.int(), history: z.int(), replay: z.int(), detail: text }),
    ),
  })
  .meta({ id: 'Verification' });

export const problemAnswer = z
  .object({
    type: text,
    title: text,
    status: z.int(),
    code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
    detail: text,
    errors: z.array(z.object({ path: text, message: text })),
  })
  .meta({ id: 'Problem' });

const keyFields = z.object({
  id: text,
  name: text,
  scopes: z.array(z.enum(SCOPES)),
  root_space_id: textOrNull.describe('The space that it is confined to; null: none.'),
  suppress_below: z.int().nullable().describe('Counts below this are not told to it; null: as configured for all.'),
  created_at: moment,
  created_by: textOrNull.describe('Id of the key that made it; null: none, or the command line.'),
  expires_at: momentOrNull,
  revoked_at: momentOrNull,
  revoked_by: textOrNull,
});
export const keyAnswer = keyFields.meta({ id: 'Key' });
export const keyMadeAnswer = keyFields
  .extend({ key: text.describe('The key itself: it is stored as a hash only and never shown again.') })
  .meta({ id: 'KeyMade' });
export const secretAnswer = z
  .object({ dpu_id: text, secret: text.describe('Never shown again.'), created_at: moment })
  .meta({ id: 'DpuSecret' });
export const secretsAnswer = z.object({ results: z.array(secretAnswer) }).meta({ id: 'DpuSecrets' });
