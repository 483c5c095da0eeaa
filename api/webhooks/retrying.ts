// When a message is tried again, and when its webhook is given up.
import type { Delivery } from '../../shared/webhook.ts';
import type { Outcome } from './send.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** From one attempt to the next; the last one repeats. Soon at first: most failures are a restart of the receiver. */
const WAITS_MS = [
  ...[1, 5, 30].map((seconds) => seconds * SECOND_MS),
  ...[2, 10, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 4].map((hours) => hours * HOUR_MS),
];
/** Each wait is made shorter or longer by up to this part of it, so that not all webhooks come back at once. */
const JITTER = 0.2;
/** A message that has failed for so long disables its webhook. */
export const FAILING_MS_MAX = 24 * HOUR_MS;

/** The receiver says that it is gone for good (Standard Webhooks, "Deliverability and reliability"). */
const GONE = 410;

/** The wait after so many failures, at least one; `random` from 0 to 1. */
export function waitMs(failures: number, random: number): number {
  const wait = WAITS_MS[Math.min(failures, WAITS_MS.length) - 1] as number;
  return Math.round(wait * (1 - JITTER + 2 * JITTER * random));
}

/** The message after an attempt with this outcome, and why its webhook is to be disabled; null: it is not. */
export function afterAttempt(
  delivery: Delivery,
  { statusCode, error, retryAfterMs }: Outcome,
  nowMs: number,
  random: number,
): { readonly delivery: Delivery; readonly disabledBecause: string | null } {
  const attempted = { ...delivery, attempts: delivery.attempts + 1, lastAttemptAtMs: nowMs, statusCode, error };
  const unfailing = { failures: 0, failingSinceMs: null };
  if (error === null) {
    const delivered = { ...attempted, ...unfailing, isDelivered: true, nextAttemptAtMs: null };
    return { delivery: delivered, disabledBecause: null };
  }
  const failures = delivery.failures + 1;
  const failingSinceMs = delivery.failingSinceMs ?? nowMs;
  const lastMs = failingSinceMs + FAILING_MS_MAX;
  if (statusCode === GONE || nowMs >= lastMs) {
    const because = statusCode === GONE ? 'it answered 410: it is gone' : `it failed for a day; at last: ${error}`;
    // Once the webhook is enabled again this one is tried first, and has a day again.
    return { delivery: { ...attempted, ...unfailing, nextAttemptAtMs: nowMs }, disabledBecause: because };
  }
  const nextAttemptAtMs = Math.min(nowMs + Math.max(waitMs(failures, random), retryAfterMs ?? 0), lastMs);
  return { delivery: { ...attempted, failures, failingSinceMs, nextAttemptAtMs }, disabledBecause: null };
}
