// Subscriptions: which of them are granted, how many a connection may have, and who publishes to them.
import type { Aedes, AedesOptions, Client } from 'aedes';
import type { AedesStream } from './aedes-stream.ts';
import type { Doorman } from './authenticate.ts';
import type { Guard } from './guard.ts';
import type { Readable } from './topics.ts';

type SubscribeHook = NonNullable<AedesOptions['authorizeSubscribe']>;

/** A subscription that was granted. */
export type Subscribed = {
  readonly guard: Guard;
  readonly filter: string;
  readonly qos: number;
  /** False once what the client was let in with does not allow it any more. */
  isAllowed(): boolean;
  /** Whether the client may see it by now. */
  mayRead(what: Readable, id: string): boolean;
  /** It sees a part only, which changes with the floor plan. */
  readonly isConfined: boolean;
};

/** Publishes to those who subscribe; filters that are not of its topics are nothing to it, and closed guards unsubscribed. */
export type Publisher = {
  subscribed(subscribed: Subscribed): void;
  unsubscribed(guard: Guard, filter: string): void;
};

/** aedes was given it as the stream of its client. */
export function guardOf(client: Client): Guard {
  return (client.conn as unknown as AedesStream).guard;
}

/** The subscription of `guard` to `filter`, as it is judged from now on. */
export function subscribedBy(
  guard: Guard,
  filter: string,
  qos: number,
  doorman: Pick<Doorman, 'maySubscribe' | 'mayRead' | 'isConfined'>,
): Subscribed {
  return {
    guard,
    filter,
    qos,
    isAllowed: () => doorman.maySubscribe(guard, filter),
    mayRead: (what: Readable, id: string) => doorman.mayRead(guard, what, id),
    isConfined: doorman.isConfined(guard),
  };
}

/** In SUBACK, of what was refused [MQTT-3.9.3-2]. */
const FAILURE = 0x80;

/** Tells `publishers` of the subscriptions that aedes has answered. */
export function tellPublishers(
  aedes: Aedes,
  publishers: readonly Publisher[],
  doorman: Pick<Doorman, 'maySubscribe' | 'mayRead' | 'isConfined'>,
): void {
  // What is published to a client comes after its SUBACK, which aedes writes at the end of this turn.
  const later = (tell: () => void) => void setImmediate(tell);
  aedes.on('subscribe', (subscriptions, client) => {
    for (const { topic: filter, qos } of subscriptions) {
      if ((qos as number) === FAILURE) continue;
      const subscribed = subscribedBy(guardOf(client), filter, qos, doorman);
      later(() => {
        for (const publisher of publishers) publisher.subscribed(subscribed);
      });
    }
  });
  aedes.on('unsubscribe', (filters, client) => {
    const guard = guardOf(client);
    later(() => {
      for (const filter of filters) for (const publisher of publishers) publisher.unsubscribed(guard, filter);
    });
  });
}

/** The `authorizeSubscribe` of aedes, and what it must be told when subscriptions end. */
export function limitSubscriptions(
  maximum: number,
  maySubscribe: Doorman['maySubscribe'],
): {
  readonly authorize: SubscribeHook;
  readonly ended: (filters: string[], client: Client) => void;
} {
  const filtersOfClient = new WeakMap<Client, Set<string>>();
  return {
    authorize: (client, subscription, callback) => {
      const filters = filtersOfClient.get(client) ?? new Set();
      filtersOfClient.set(client, filters);
      const room = filters.has(subscription.topic) || filters.size < maximum;
      const granted = room && maySubscribe(guardOf(client), subscription.topic);
      if (granted) filters.add(subscription.topic);
      // A null subscription is answered with 0x80, failure [MQTT-3.9.3-2]; the connection stays.
      callback(null, granted ? subscription : null);
    },
    ended: (filters, client) => {
      for (const filter of filters) filtersOfClient.get(client)?.delete(filter);
    },
  };
}
