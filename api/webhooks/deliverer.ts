// Delivers to all webhooks, in whichever process has the turn: looks every now and then what has changed and who is due.
import type { WebhookRecord, WebhookStore, WebhookTurn, WebhookTurns } from '../../shared/storage/webhooks.ts';
import type { Webhook } from '../../shared/webhook.ts';
import { Courier, type CourierDependencies, disabledNotice } from './courier.ts';

/** Between looks at the change feed: a message is so much later at most. */
const LOOK_EVERY_MS = 200;
/** Between looks at what other processes have made of the webhooks. */
const REFRESH_EVERY_MS = 1_000;
/** For what is under way when the service stops. */
const LAST_ATTEMPTS_MS = 3_000;

export type DelivererDependencies = Omit<CourierDependencies, 'turn' | 'signal' | 'onDisabled' | 'store'> & {
  readonly store: WebhookStore & WebhookTurns;
};

export type Deliverer = {
  /** Looks at once at what was changed here. */
  refresh(): void;
  close(): Promise<void>;
};

/** Delivers from now on, whenever it is this process's turn. */
export async function startDelivering(dependencies: DelivererDependencies): Promise<Deliverer> {
  const rounds = new Set<Round>();
  const giveUp = await dependencies.store.take((turn) => {
    const round = new Round(dependencies, turn);
    rounds.add(round);
    turn.lost.addEventListener('abort', () => {
      rounds.delete(round);
      round.abandon();
    });
    round.start();
  });
  return {
    refresh: () => {
      for (const round of rounds) round.refresh();
    },
    close: async () => {
      await Promise.all([...rounds].map((round) => round.finish()));
      await giveUp();
    },
  };
}

/** One turn of this process. */
class Round {
  readonly #dependencies: DelivererDependencies;
  readonly #turn: WebhookTurn;
  readonly #couriers = new Map<string, { readonly courier: Courier; readonly end: AbortController }>();
  #timer: NodeJS.Timeout | undefined;
  #refreshAtMs = 0;
  #isOver = false;
  #isStandingStill = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(dependencies: DelivererDependencies, turn: WebhookTurn) {
    this.#dependencies = dependencies;
    this.#turn = turn;
  }

  start(): void {
    this.#looking = this.#look()
      .then(() => {
        this.#isStandingStill = false;
      })
      .catch((error: Error) => {
        if (this.#isOver || this.#isStandingStill) return;
        this.#isStandingStill = true;
        this.#dependencies.log.warn({ err: error }, 'webhooks stand still until storage can be asked again');
      })
      .then(() => {
        if (!this.#isOver) this.#timer = setTimeout(() => this.start(), LOOK_EVERY_MS);
      });
  }

  refresh(): void {
    this.#refreshAtMs = 0;
  }

  /** The turn is somebody else's. */
  abandon(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const { end } of this.#couriers.values()) end.abort();
  }

  /** No new looks; attempts under way get a moment. */
  async finish(): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#timer);
    await this.#looking;
    const couriers = [...this.#couriers.values()];
    const timer = setTimeout(() => this.abandon(), LAST_ATTEMPTS_MS);
    for (const { courier } of couriers) courier.stop();
    await Promise.all(couriers.map(({ courier }) => courier.idle));
    clearTimeout(timer);
    this.abandon();
  }

  async #look(): Promise<void> {
    const { store, sources, clock } = this.#dependencies;
    if (clock.monotonicMs() >= this.#refreshAtMs) {
      this.#refreshAtMs = clock.monotonicMs() + REFRESH_EVERY_MS;
      this.#take(await store.webhooks());
    }
    if (this.#couriers.size === 0 || this.#isOver) return;
    const newest = await sources.history.newestChange();
    for (const { courier } of this.#couriers.values()) courier.wake(newest);
  }

  /** One courier for each webhook that there is. */
  #take(records: readonly WebhookRecord[]): void {
    const left = new Set(this.#couriers.keys());
    for (const record of records) {
      const { id } = record.webhook;
      left.delete(id);
      const known = this.#couriers.get(id);
      if (known !== undefined && !known.courier.isStale) {
        known.courier.update(record);
        continue;
      }
      const end = new AbortController();
      const { store } = this.#dependencies;
      const onDisabled = (webhook: Webhook, reason: string) => this.#notify(webhook, reason);
      const dependencies = { ...this.#dependencies, store, turn: this.#turn, signal: end.signal, onDisabled };
      this.#couriers.set(id, { courier: new Courier(dependencies, record, known !== undefined), end });
    }
    for (const id of left) {
      this.#couriers.get(id)?.end.abort();
      this.#couriers.delete(id);
    }
  }

  /** Tells of a webhook that was disabled: in the log, and those that asked for it and may know of it. */
  async #notify(webhook: Webhook, reason: string): Promise<void> {
    const { store, clock, log } = this.#dependencies;
    log.warn(
      { webhook: webhook.id, url: new URL(webhook.url).host, reason },
      'webhook disabled; PATCH it to enable it again',
    );
    const nowMs = clock.nowMs();
    const notice = disabledNotice(webhook, reason, nowMs);
    for (const other of await store.webhooks()) {
      const mayKnow = other.webhook.rootSpaceId === null || other.webhook.rootSpaceId === webhook.rootSpaceId;
      const isAsked = other.webhook.id !== webhook.id && other.webhook.types.includes('webhook.disabled');
      if (mayKnow && isAsked) await store.addDeliveries(other.webhook.id, [notice], nowMs, null);
    }
  }
}
