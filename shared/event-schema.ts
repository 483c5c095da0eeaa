// The shape of an event as devices send it: the one schema behind MQTT, HTTP and the OpenAPI document.
import { z } from 'zod';
import type { Direction } from './event.ts';

const counter = z.int().min(0).nullish();

/** Unknown fields are ignored: firmware may say more than footfall understands. */
export const eventSchema = z
  .object({
    timestamp: z
      .union([z.string(), z.int()])
      .describe('When it happened by the device clock: RFC 3339, or integer ms since 1970 UTC.'),
    direction: z.union([z.literal(1), z.literal(-1)]).describe('+1 to the side that the DPU faces, -1 the other way.'),
    epoch: counter.describe('Boot or factory-reset counter.'),
    seq: counter.describe('Number of the event within its epoch.'),
  })
  .meta({ id: 'Event', example: { timestamp: '2018-02-24T08:45:21.893Z', direction: 1 } });

export type EventInput = {
  timestamp: string | number;
  direction: Direction;
  epoch?: number | null | undefined;
  seq?: number | null | undefined;
};

/** What is wrong with an event, for people; names the field. */
export function describeIssues(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'event'}: ${issue.message}`).join('; ');
}
