// Every limit of the broker in one table, each with its unit and the reason for its size.

export const LIMITS = {
  /** Remaining bytes of CONNECT: nobody is known yet. Ids and secrets of at most 64 characters fit many times. */
  connectBytesMax: 1024,
  /** Remaining bytes of any later packet (CONTRACT.md, Events): 1,000 events of a backlog with everything in them. */
  packetBytesMax: 256 * 1024,
  /** Publishes of one connection that are not answered: several disk writes' worth of a fast publisher. */
  unansweredMax: 1_000,
  /** Written to a client that does not read: as many acknowledgements as may be due, four times. */
  unsentBytesMax: 16 * 1024,
  /** Topic filters of one connection: a DPU needs one, a dashboard some. */
  subscriptionsMax: 100,

  /** From the connection to the end of CONNECT: a slow mobile link needs two seconds. */
  connectTimeoutMs: 5_000,
  /** Longest silence that a client may ask for (0 asks for all of it): a dead one holds memory for half as long again. */
  keepaliveMaxS: 1_200,
  /** For a client to read what was written to it; nothing is read from it meanwhile. */
  drainTimeoutMs: 10_000,
  /** For publishes under way when the broker is closed: half of what a stop may take. */
  closeTimeoutMs: 5_000,
  /** For the peer to take what was written last and to close its side; then it is cut off. */
  lingerMs: 1_000,

  /**
   * Wrong credentials from one address in a second; more bar it. A fleet behind one address shares them: let its balancer
   * say who is who (FOOTFALL_MQTT_PROXY_PROTOCOL).
   */
  failedConnectsPerSecondMax: 20,
  /** How long an address is barred at first; twice as long each time it goes on, up to the second of these. */
  barMs: 1_000,
  barMsMax: 60_000,
  /** Addresses that are remembered; the oldest is forgotten. */
  failingAddressesMax: 10_000,
  /** Publishes a second of a DPU, and as many at once: a busy door has two events a second. The rest waits unread. */
  publishesPerSecondMax: 50,

  /** What a connection is taken to cost by itself: 3.5 to 5 KB measured. */
  connectionBytes: 5 * 1024,
  /** What it is taken to cost more once it has subscribed and aedes knows it: 11 to 17 KB measured. */
  subscriberBytes: 14 * 1024,
  /**
   * Of all connections together, unfinished packets and unsent answers included. Above it the newest that have not been
   * accepted are closed, then the newest that hold the most.
   */
  memoryBytesMax: 1024 ** 3,
} as const;

export type Limits = { readonly [Name in keyof typeof LIMITS]: number };
