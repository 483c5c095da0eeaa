// Every limit of the broker in one table, each with its unit and the reason for its size.

export type Limits = {
  readonly connectBytesMax: number;
  readonly packetBytesMax: number;
  readonly unansweredMax: number;
  readonly unsentBytesMax: number;
  readonly connectTimeoutMs: number;
  readonly keepaliveMaxS: number;
  readonly drainTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly lingerMs: number;
  readonly subscriptionsMax: number;
};

export const LIMITS: Limits = {
  /** Remaining bytes of CONNECT: nobody is known yet. Ids and secrets of at most 64 characters fit many times. */
  connectBytesMax: 1024,
  /** Remaining bytes of any later packet (CONTRACT.md, Events): 1,000 events of a backlog with everything in them. */
  packetBytesMax: 256 * 1024,
  /** Publishes of one connection that are not answered: several disk writes' worth of a fast publisher. */
  unansweredMax: 1000,
  /** Written to a client that does not read: as many acknowledgements as may be due, four times. */
  unsentBytesMax: 16 * 1024,
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
  /** Topic filters of one connection: a DPU needs one, a dashboard some. */
  subscriptionsMax: 100,
};
