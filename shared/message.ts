// A message from a DPU, judged: which of its events may count, and why the others may not.
import { EVENTS_PER_MESSAGE_MAX, type Event, OLDEST_EVENT_MS, type QuarantineReason } from './event.ts';
import { describeIssues, eventSchema } from './event-schema.ts';
import type { DpuId } from './ids.ts';
import { parseTimestampMs } from './timestamp.ts';

export type Rejection = { readonly reason: QuarantineReason; readonly detail: string };

/** One verdict for each event of the message, in its order. */
export type Verdict = { readonly event: Event } | Rejection;

export type Judged =
  | { readonly verdicts: readonly Verdict[] }
  /** The message as a whole cannot be read. */
  | { readonly rejected: Rejection };

export type JudgeRules = { readonly receivedAtMs: number; readonly futureAllowedMs: number };

/** The events in the text of a message: one object, or an array of up to 1,000. */
export function judgeMessage(dpuId: DpuId, text: string, rules: JudgeRules): Judged {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { rejected: { reason: 'malformed', detail: `not JSON: ${(error as Error).message}` } };
  }
  return judgeValue(dpuId, value, rules);
}

/** As `judgeMessage`, of a message that is JSON already. */
export function judgeValue(dpuId: DpuId, value: unknown, rules: JudgeRules): Judged {
  if (!Array.isArray(value)) return { verdicts: [judgeEvent(dpuId, value, rules)] };
  if (value.length > EVENTS_PER_MESSAGE_MAX) {
    const detail = `${value.length} events in one message, at most ${EVENTS_PER_MESSAGE_MAX} are taken`;
    return { rejected: { reason: 'malformed', detail } };
  }
  return { verdicts: value.map((item) => judgeEvent(dpuId, item, rules)) };
}

function judgeEvent(dpuId: DpuId, value: unknown, rules: JudgeRules): Verdict {
  const parsed = eventSchema.safeParse(value);
  if (!parsed.success) return { reason: 'malformed', detail: describeIssues(parsed.error) };
  const { timestamp, direction, epoch, seq } = parsed.data;
  const timestampMs = parseTimestampMs(timestamp);
  if (timestampMs === undefined) {
    return { reason: 'malformed', detail: 'timestamp: no RFC 3339 time such as 2018-02-24T08:45:21.893Z' };
  }
  if (timestampMs < OLDEST_EVENT_MS) return { reason: 'too_old', detail: 'timestamp: before the year 2000' };
  if (timestampMs > rules.receivedAtMs + rules.futureAllowedMs) {
    const aheadS = Math.round((timestampMs - rules.receivedAtMs) / 1000);
    return { reason: 'clock_in_future', detail: `timestamp: ${aheadS} s ahead of the server's clock` };
  }
  return { event: { dpuId, timestampMs, direction, epoch: epoch ?? null, seq: seq ?? null } };
}
