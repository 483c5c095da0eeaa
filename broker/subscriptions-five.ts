// Subscriptions of one connection that speaks MQTT 5, which aedes does not: the same are granted as to any other.
import type { Doorman } from './authenticate.ts';
import type { Guard } from './guard.ts';
import { type Publisher, subscribedBy } from './subscriptions.ts';

/** Reason codes of SUBACK and UNSUBACK (MQTT 5, 3.9.3, 3.11.3). */
const SUCCESS = 0;
const NO_SUBSCRIPTION = 0x11;
const IMPLEMENTATION = 0x83;
const NOT_AUTHORIZED = 0x87;
const QUOTA_EXCEEDED = 0x97;

/** Subscription options (MQTT 5, 3.8.3.1). */
const QOS_BITS = 3;
const RETAIN_HANDLING_SHIFT = 4;
const NEVER_RETAINED = 2;

export type FiveSubscriptionsDependencies = {
  readonly doorman: Pick<Doorman, 'maySubscribe' | 'mayRead' | 'isConfined'>;
  readonly publishers: readonly Publisher[];
  readonly maximum: number;
};

export class FiveSubscriptions {
  readonly #guard: Guard;
  readonly #dependencies: FiveSubscriptionsDependencies;
  readonly #filters = new Set<string>();

  constructor(guard: Guard, dependencies: FiveSubscriptionsDependencies) {
    this.#guard = guard;
    this.#dependencies = dependencies;
  }

  /** The reason code for SUBACK: the QoS that is granted, at most 1, or a failure. */
  subscribe(filter: string, options: number): number {
    const { doorman, publishers, maximum } = this.#dependencies;
    // What stands on a topic is what these topics are for.
    if (options >> RETAIN_HANDLING_SHIFT === NEVER_RETAINED) return IMPLEMENTATION;
    if (!doorman.maySubscribe(this.#guard, filter)) return NOT_AUTHORIZED;
    if (!this.#filters.has(filter) && this.#filters.size >= maximum) return QUOTA_EXCEEDED;
    this.#filters.add(filter);
    const qos = Math.min(options & QOS_BITS, 1);
    const subscribed = subscribedBy(this.#guard, filter, qos, doorman);
    // After its SUBACK.
    setImmediate(() => {
      for (const publisher of publishers) publisher.subscribed(subscribed);
    });
    return qos;
  }

  /** The reason code for UNSUBACK. */
  unsubscribe(filter: string): number {
    const isThere = this.#filters.delete(filter);
    const { publishers } = this.#dependencies;
    setImmediate(() => {
      for (const publisher of publishers) publisher.unsubscribed(this.#guard, filter);
    });
    return isThere ? SUCCESS : NO_SUBSCRIPTION;
  }
}
