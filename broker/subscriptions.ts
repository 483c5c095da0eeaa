// Subscriptions: which of them are granted, and how many a connection may have.
import type { AedesOptions, Client } from 'aedes';

type SubscribeHook = NonNullable<AedesOptions['authorizeSubscribe']>;

/** The `authorizeSubscribe` of aedes, and what it must be told when subscriptions end. */
export function limitSubscriptions(
  maximum: number,
  maySubscribe: (client: Client, filter: string) => boolean,
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
      const granted = room && maySubscribe(client, subscription.topic);
      if (granted) filters.add(subscription.topic);
      // A null subscription is answered with 0x80, failure [MQTT-3.9.3-2]; the connection stays.
      callback(null, granted ? subscription : null);
    },
    ended: (filters, client) => {
      for (const filter of filters) filtersOfClient.get(client)?.delete(filter);
    },
  };
}
