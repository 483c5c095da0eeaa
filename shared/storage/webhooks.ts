// Port: webhooks, how far each of them is, and the messages kept for it: those that wait, and the newest that were delivered.
import type { Delivery, Webhook, WebhookMessage, WebhookProgress } from '../webhook.ts';

/** Delivered messages that are kept of each webhook, for its log and for replay. */
export const DELIVERIES_KEPT = 500;

/** Whoever delivers holds this; what it stores meets `epoch` when somebody else does by then. Until `lost` is aborted. */
export type WebhookTurn = { readonly epoch: number; readonly lost: AbortSignal };

export type WebhookRecord = {
  readonly webhook: Webhook;
  readonly progress: WebhookProgress;
  /** Messages that wait. */
  readonly waiting: number;
};

/** What is stored in the same step, by whoever delivers. */
export type WebhookStep = { readonly epoch: number; readonly progress: WebhookProgress };

/** A delivery with the message itself. */
export type KeptDelivery = { readonly delivery: Delivery; readonly body: string };

/**
 * Everything is durable once resolved, except steps: the newest of them may go with the power, and then their messages are
 * made, or sent, again. All calls throw TemporaryStorageError while the server is away; FencedError when the turn is
 * somebody else's, and then nothing was stored. Of a webhook that is gone nothing is stored either.
 */
export type WebhookStore = {
  /** Every webhook, in the order of their making. */
  webhooks(): Promise<WebhookRecord[]>;
  /** Stores the webhook in place of the one with its id, `progress` only when there was none; null: removes it with all that is kept of it. */
  putWebhook(id: string, put: Omit<WebhookRecord, 'waiting'> | null): Promise<void>;
  /** Adds `messages` behind those of the webhook, all or none; answers the number of the last one. */
  addDeliveries(
    id: string,
    messages: readonly WebhookMessage[],
    nowMs: number,
    step: WebhookStep | null,
  ): Promise<number>;
  /** Stores what became of it. */
  putDelivery(id: string, delivery: Delivery, step: WebhookStep): Promise<void>;
  /** Everything that is kept, the newest first. */
  deliveries(id: string): Promise<Delivery[]>;
  /** One of them; `next`: the first that waits. Null: there is none. */
  delivery(id: string, number: number | 'next'): Promise<KeptDelivery | null>;
};

/** Whose turn it is to deliver, among all processes that share the store. */
export type WebhookTurns = {
  /** Calls `onTurn` whenever it is this process's turn; resolves with the way to give that up. */
  take(onTurn: (turn: WebhookTurn) => void): Promise<() => Promise<void>>;
};
