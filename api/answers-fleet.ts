// The schemas of answers about the fleet.
import { z } from 'zod';
import { moment, momentOrNull, text, textOrNull } from './answers.ts';

const dpuStatus = z.object({
  dpu_id: text,
  name: text,
  online: z
    .boolean()
    .nullable()
    .describe(
      'Null, as all that tells what it is doing: the key is confined to a space for which the DPU counts nothing now.',
    ),
  since: momentOrNull.describe('Connected, or gone, since then; null: it never connected over MQTT.'),
  last_heard: momentOrNull.describe('The last receipt of anything from it; null: never.'),
  address: textOrNull.describe('Where it is, or was last.'),
  mqtt_version: textOrNull,
  placed: z.boolean().describe('Whether it is on a doorway now.'),
  refusals: z
    .record(text, z.int())
    .describe('How often a connection in its name was refused or closed for cause, by reason.'),
});
/** In a list. */
export const dpuStatusAnswer = dpuStatus.meta({ id: 'DpuStatus' });
/** Of one. */
export const dpuStatusInFullAnswer = dpuStatus
  .extend({
    clock_skew_ms: z
      .number()
      .nullable()
      .describe('How far its clock is ahead, by its newest events; null: it has sent none lately.'),
    events: z
      .object({ last_minute: z.int(), last_hour: z.int(), last_day: z.int() })
      .nullable()
      .describe('Events with a timestamp in the last minute, hour and day; null while history cannot be asked.'),
    at: moment,
  })
  .meta({ id: 'DpuStatusInFull' });
export const commandAnswer = z
  .object({
    id: text,
    dpu_id: text,
    command: text,
    arguments: z.record(text, z.unknown()),
    state: z.enum(['queued', 'delivered', 'expired']),
    queued_at: moment,
    expires_at: moment.describe('From then on it is not delivered any more.'),
    delivered_at: momentOrNull.describe('When the DPU had acknowledged it.'),
  })
  .meta({ id: 'Command' });
