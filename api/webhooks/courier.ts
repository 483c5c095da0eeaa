// One webhook on its way: its messages are delivered one after the other, each until it is there, and then the next are made.
//
//   waits? ──yes──▶ send ──delivered──▶ stored as such ──▶ the next
//     │                └──failed──▶ later, the same one ──a day of that, or 410──▶ disabled
//     no──▶ compose ──▶ messages and the place after them stored in one step ──▶ the first
//
// What is stored is all there is to it: whoever goes on after a crash sends the message that was on its way once more, with
// the same id. Nothing grows while a receiver is away, because the change feed keeps what has not become a message yet.
import type { Clock } from '../../shared/clock.ts';
import type { Log } from '../../shared/log.ts';
import type { KeptDelivery, WebhookRecord, WebhookStore, WebhookTurn } from '../../shared/storage/webhooks.ts';
import { formatTimestamp } from '../../shared/timestamp.ts';
import { isDisabled, newMessage, type Webhook, type WebhookProgress } from '../../shared/webhook.ts';
import { type ComposingSources, compose } from './composing.ts';
import { afterAttempt } from './retrying.ts';
import { type Outcome, send } from './send.ts';

/** Progress that made no message is stored so often: what is done again after a crash. */
const STORE_EVERY_MS = 10_000;

export type CourierDependencies = {
  readonly sources: ComposingSources;
  readonly store: Omit<WebhookStore, 'webhooks'>;
  readonly turn: WebhookTurn;
  readonly clock: Clock;
  readonly log: Log;
  readonly networks: readonly string[];
  readonly timeoutMs: number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Ends an attempt under way, whose outcome is then as unknown as after a crash. */
  readonly signal: AbortSignal;
  /** Told when this webhook was disabled, before that is stored. */
  readonly onDisabled: (webhook: Webhook, reason: string) => Promise<void>;
};

export class Courier {
  readonly #dependencies: CourierDependencies;
  #webhook: Webhook;
  #progress: WebhookProgress;
  #stored: WebhookProgress;
  #storedAtMs: number;
  #waiting: number;
  /** Nothing is to be done before; ms of the clock. */
  #restsUntilMs = 0;
  /** What operators have changed may have mended it: the first that waits is tried at once, and has a day again. */
  #isUrgent: boolean;
  #running: Promise<void> | null = null;
  #isStopping = false;
  #isStale = false;
  #isStandingStill: boolean;

  /** `isAgain`: in place of one that stood still, which has been told. */
  constructor(dependencies: CourierDependencies, record: WebhookRecord, isAgain = false) {
    this.#isStandingStill = isAgain;
    this.#dependencies = dependencies;
    this.#webhook = record.webhook;
    this.#progress = record.progress;
    this.#stored = record.progress;
    this.#storedAtMs = dependencies.clock.nowMs();
    this.#waiting = record.waiting;
    this.#isUrgent = record.webhook.revision !== record.progress.revision;
  }

  /** True when what it holds may not be what is stored: a new one has to take its place. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /** Settles when nothing is under way. */
  get idle(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  /** What operators have made of it by now; progress is this courier's own. */
  update({ webhook, waiting }: WebhookRecord): void {
    if (webhook.revision !== this.#webhook.revision) {
      this.#restsUntilMs = 0;
      this.#isUrgent = true;
    }
    this.#webhook = webhook;
    if (this.#running === null) this.#waiting = waiting;
  }

  /** Ends it after the attempt under way. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Goes on, if there is anything to do; `newest` is the place after the newest change. */
  wake(newest: string): void {
    if (this.#running !== null || this.#isStale || this.#isStopping || !this.#hasWork(newest)) return;
    this.#running = this.#run()
      .catch((error: Error) => this.#stumble(error))
      .finally(() => {
        this.#running = null;
      });
  }

  #hasWork(newest: string): boolean {
    const { clock, sources } = this.#dependencies;
    const { cursor, revision, factNumber, ahead } = this.#progress;
    if (isDisabled(this.#webhook, this.#progress) || clock.nowMs() < this.#restsUntilMs) return false;
    const isOfOtherFacts = this.#webhook.thresholds.length > 0 && factNumber !== sources.plan.factNumber;
    const isBehind = cursor !== newest || revision !== this.#webhook.revision || isOfOtherFacts;
    return this.#waiting > 0 || isBehind || ahead.length > 0;
  }

  async #run(): Promise<void> {
    const { store, clock, turn, signal } = this.#dependencies;
    const isOver = () => signal.aborted || turn.lost.aborted || this.#isStopping;
    while (!isOver() && !isDisabled(this.#webhook, this.#progress)) {
      const next = await store.delivery(this.#webhook.id, 'next');
      if (next === null) {
        this.#waiting = 0;
        if (await this.#compose()) continue;
        this.#isStandingStill = false;
        return;
      }
      const { nextAttemptAtMs } = next.delivery;
      if (!this.#isUrgent && nextAttemptAtMs !== null && nextAttemptAtMs > clock.nowMs()) {
        this.#waiting = 1;
        this.#restsUntilMs = nextAttemptAtMs;
        return;
      }
      await this.#attempt(next);
    }
    this.#isStandingStill = false;
  }

  /** Makes the next messages; false when there is nothing more to tell. */
  async #compose(): Promise<boolean> {
    const { sources, store, clock } = this.#dependencies;
    const { messages, progress, isAtEnd } = await compose(sources, this.#webhook, this.#progress);
    this.#progress = progress;
    const isDue = clock.nowMs() - this.#storedAtMs >= STORE_EVERY_MS && !isSame(progress, this.#stored);
    if (messages.length > 0 || isDue) {
      await store.addDeliveries(this.#webhook.id, messages, clock.nowMs(), this.#step());
      this.#isStored();
    }
    return messages.length > 0 || !isAtEnd;
  }

  async #attempt({ delivery: kept, body }: KeptDelivery): Promise<void> {
    const { store, clock, log, networks, timeoutMs, random, signal } = this.#dependencies;
    const { id, url, secrets } = this.#webhook;
    const delivery = this.#isUrgent ? { ...kept, failures: 0, failingSinceMs: null } : kept;
    const { messageId } = delivery;
    this.#isUrgent = false;
    const outcome = await send(
      { url, secrets, messageId, body },
      { networks, timeoutMs, signal, nowMs: clock.nowMs() },
    );
    if (signal.aborted) return;
    const { delivery: after, disabledBecause } = afterAttempt(delivery, outcome, clock.nowMs(), random());
    if (disabledBecause !== null) await this.#disable(disabledBecause);
    await store.putDelivery(id, after, this.#step());
    this.#isStored();
    this.#tell(outcome, after.attempts, log);
  }

  async #disable(reason: string): Promise<void> {
    const { clock, onDisabled } = this.#dependencies;
    await onDisabled(this.#webhook, reason);
    const { revision } = this.#webhook;
    this.#progress = { ...this.#progress, disabled: { atMs: clock.nowMs(), reason, revision } };
  }

  #tell({ error }: Outcome, attempts: number, log: Log): void {
    const { id, url } = this.#webhook;
    if (error === null) log.debug({ webhook: id, attempts }, 'webhook delivered');
    else log.info({ webhook: id, host: new URL(url).host, attempts, error }, 'webhook not delivered');
  }

  #step() {
    return { epoch: this.#dependencies.turn.epoch, progress: this.#progress };
  }

  #isStored(): void {
    this.#stored = this.#progress;
    this.#storedAtMs = this.#dependencies.clock.nowMs();
  }

  /** Whatever was under way may have been stored or not. */
  #stumble(error: Error): void {
    const { log, turn, signal } = this.#dependencies;
    this.#isStale = true;
    if (turn.lost.aborted || signal.aborted || this.#isStandingStill) return;
    log.warn({ err: error, webhook: this.#webhook.id }, 'a webhook stands still until storage can be asked again');
  }
}

function isSame(one: WebhookProgress, other: WebhookProgress): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What other webhooks are told of one that was disabled. */
export function disabledNotice({ id, name, url }: Webhook, reason: string, atMs: number) {
  const at = formatTimestamp(atMs);
  return newMessage('webhook.disabled', at, { webhook_id: id, name, url, reason, at });
}
