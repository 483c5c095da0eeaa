// Webhooks: who is to be told what, how far each of them is, and the messages that are kept for it. Pure.
//
//   change feed ──from the place in `progress`──▶ messages, numbered, in one step with the place after them ──▶ delivered in order
import { randomBytes, randomUUID } from 'node:crypto';
import type { SpaceId } from './ids.ts';

/** What a webhook may ask to be told. */
export const WEBHOOK_TYPES = ['count', 'change', 'threshold.crossed', 'threshold.cleared', 'webhook.disabled'] as const;
export type WebhookType = (typeof WEBHOOK_TYPES)[number];
/** Besides, whatever was asked for: its place is no longer kept; somebody tries it out. */
export type MessageType = WebhookType | 'resync' | 'webhook.test';

/** It is crossed once a count is more than `above`, and over once it is back at `below` or less. */
export type Threshold = {
  /** Null: every space of the webhook. */
  readonly spaceId: SpaceId | null;
  /** What both are: people, or parts of the capacity of the space, which without one is never crossed. */
  readonly of: 'people' | 'capacity';
  readonly above: number;
  readonly below: number;
};

/** As the key of HMAC-SHA256, `whsec_<base64>`; good until then, null: without end. */
export type WebhookSecret = { readonly text: string; readonly untilMs: number | null };

export type Webhook = {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly types: readonly WebhookType[];
  /** Null: every space that it may be told of. */
  readonly spaceIds: readonly SpaceId[] | null;
  readonly thresholds: readonly Threshold[];
  readonly isEnabled: boolean;
  /** The newest first. */
  readonly secrets: readonly WebhookSecret[];
  /** It is told of this space and what is below it, as the key was that made it; null: of everything. */
  readonly rootSpaceId: SpaceId | null;
  readonly createdAtMs: number;
  readonly createdBy: string | null;
  /** Grows whenever it is to be told all counts anew: what it asks for has changed, or it was enabled again. */
  readonly revision: number;
};

/** How far a webhook is; kept by whoever delivers, in one step with the messages made. */
export type WebhookProgress = {
  /** The place in the change feed up to which messages have been made. */
  readonly cursor: string;
  /** The revision of which all counts have been told. */
  readonly revision: number;
  /** Thresholds were last judged with the floor plan up to this fact: a capacity may have changed. */
  readonly factNumber: number;
  /** Spaces with an event that is ahead of the clock. */
  readonly ahead: readonly SpaceId[];
  /** Names of thresholds that are crossed, see `thresholdName`. */
  readonly crossed: readonly string[];
  /** What went wrong for so long that nothing is delivered until the webhook is enabled again, at `revision`. */
  readonly disabled: { readonly atMs: number; readonly reason: string; readonly revision: number } | null;
};

/** A message to be delivered; `body` is what is signed. */
export type WebhookMessage = { readonly messageId: string; readonly type: MessageType; readonly body: string };

/** A message on its way, or there; numbers of a webhook grow by one. */
export type Delivery = {
  readonly number: number;
  readonly messageId: string;
  readonly type: MessageType;
  readonly isDelivered: boolean;
  readonly createdAtMs: number;
  readonly attempts: number;
  /** Attempts that failed in a row, and since when, within one enabling of the webhook; 0 and null: none has. */
  readonly failures: number;
  readonly failingSinceMs: number | null;
  readonly lastAttemptAtMs: number | null;
  /** Null: delivered. */
  readonly nextAttemptAtMs: number | null;
  /** Of the last attempt; null: there was no answer. */
  readonly statusCode: number | null;
  /** What went wrong with the last attempt. */
  readonly error: string | null;
};

const ID_BYTES = 8;
/** The Standard Webhooks specification asks for 24 to 64. */
const SECRET_BYTES = 32;

export function newWebhookId(): string {
  return `wh_${randomBytes(ID_BYTES).toString('hex')}`;
}

export function newWebhookSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/** `data` as a message of its own. */
export function newMessage(type: MessageType, timestamp: string, data: object): WebhookMessage {
  return { messageId: `msg_${randomUUID()}`, type, body: JSON.stringify({ type, timestamp, data }) };
}

/** A message that nobody has tried to deliver. */
export function newDelivery(number: number, message: WebhookMessage, nowMs: number): Delivery {
  const { messageId, type } = message;
  const untried = {
    attempts: 0,
    failures: 0,
    failingSinceMs: null,
    lastAttemptAtMs: null,
    statusCode: null,
    error: null,
  };
  return { number, messageId, type, isDelivered: false, createdAtMs: nowMs, nextAttemptAtMs: nowMs, ...untried };
}

/** Names a threshold of one space in `crossed`; a threshold that is changed is another. */
export function thresholdName({ of, above, below }: Threshold, spaceId: SpaceId): string {
  return `${spaceId} ${of} ${above} ${below}`;
}

/** True when nothing is to be delivered to it. */
export function isDisabled({ isEnabled, revision }: Webhook, { disabled }: WebhookProgress): boolean {
  return !isEnabled || disabled?.revision === revision;
}
