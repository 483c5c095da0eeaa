// The broker: guards in front, aedes for what they let through, and who may come in. DPUs publish; nothing is fanned out.
import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { Aedes, type Client } from 'aedes';
import type { Clock } from '../shared/clock.ts';
import type { DpuId } from '../shared/ids.ts';
import type { Ingest } from '../shared/ingest.ts';
import type { Log } from '../shared/log.ts';
import { counter, gauge, type Reading } from '../shared/metrics/reading.ts';
import type { Doorman } from './authenticate.ts';
import type { Clients } from './clients.ts';
import { Connections } from './connections.ts';
import { FailedConnects } from './failed-connects.ts';
import type { Refusal } from './frames.ts';
import type { Guard } from './guard.ts';
import { LIMITS, type Limits } from './limits.ts';
import type { Presence } from './presence.ts';
import { limitSubscriptions, type Publisher, tellPublishers } from './subscriptions.ts';
import { FiveSubscriptions } from './subscriptions-five.ts';

export type BrokerDependencies = {
  readonly ingest: Ingest;
  readonly clock: Clock;
  readonly log: Log;
  readonly doorman: Doorman;
  readonly clients: Clients;
  /** Null: nobody is told of single DPUs. */
  readonly presence: Presence | null;
  /** Whom subscriptions are told. */
  readonly publishers: readonly Publisher[];
  /** Over LIMITS. */
  readonly limits?: Partial<Limits> | undefined;
};

/** What the broker counts, since its start. */
export type BrokerCounters = {
  readonly connections: number;
  /** Connections refused or closed for cause, by reason; the names are stable. */
  readonly refusals: Readonly<Record<Refusal, number>>;
};

export type Broker = {
  /**
   * Serves the client at the other end of `stream`, which is at `address`; `certifiedId`: the name in a good certificate
   * that it has shown.
   */
  accept(stream: Duplex, address: string, certifiedId?: string | null): void;
  /** A connection was closed before it came this far. */
  refused(refusal: Refusal, why: string): void;
  counters(): BrokerCounters;
  measure(): Reading[];
  /** Answers what is under way (5 s at most), then closes every connection. */
  close(): Promise<void>;
};

/** CONNACK return codes (MQTT 3.1.1, table 3.1), and what they are counted as. */
const IDENTIFIER_REJECTED = 2;
const REFUSALS_BY_CODE: Readonly<Record<number, Refusal>> = {
  [IDENTIFIER_REJECTED]: 'identifier_rejected',
  3: 'server_unavailable',
  4: 'wrong_credentials',
  5: 'not_authorized',
};
const ACKNOWLEDGEMENTS = 'footfall_mqtt_acknowledgement_seconds';
const GUESSES: ReadonlySet<Refusal> = new Set(['wrong_credentials', 'not_authorized']);

/** Throws what aedes answers with a CONNACK. */
type Judge = (client: Client, username: string | undefined, password: Buffer | undefined) => Promise<void>;

export async function createBroker(dependencies: BrokerDependencies): Promise<Broker> {
  const { ingest, clock, log, doorman, clients, presence, publishers } = dependencies;
  const limits = { ...LIMITS, ...dependencies.limits };
  const failedConnects = new FailedConnects(limits, () => clock.monotonicMs());

  const judge: Judge = async (client, username, password) => {
    const { connect } = guardOf(client);
    // [MQTT-3.1.3-8]
    const isNameless = connect?.clientId === '' && !connect.clean && connect.level < 5;
    if (isNameless) throw Object.assign(new Error('a session needs a client id'), { returnCode: IDENTIFIER_REJECTED });
    await new Promise<void>((resolve, reject) => {
      doorman.authenticate(client, username, password, (error, isGood) => {
        if (isGood === true && !error) resolve();
        else reject(error ?? new Error('not authorized'));
      });
    });
    await new Promise<void>((resolve) => clients.admitted(client, resolve));
  };
  /** Counts a failure; answers what it is. */
  const failed = (guard: Guard, error: Error & { returnCode?: number }): Refusal => {
    const refusal = REFUSALS_BY_CODE[error.returnCode ?? 0] ?? 'not_authorized';
    if (GUESSES.has(refusal)) failedConnects.failed(guard.address);
    return refusal;
  };
  const welcome = (client: Client) => {
    const guard = guardOf(client);
    const dpuId = client.id as DpuId;
    guard.accept({
      clientId: client.id,
      mayPublish: (of) => doorman.mayPublish(client, of),
      partOf: doorman.partOf(client),
      publishesPerSecondMax: doorman.isLimited(client) ? limits.publishesPerSecondMax : null,
    });
    ingest.connected(dpuId);
    presence?.connected(guard, client.id);
    log.debug({ client: client.id }, 'client connected');
  };
  const connectFive = (guard: Guard) => {
    const { clientId = '', username, password } = guard.connect ?? {};
    // All that is looked at of a client; the guard says why it closes.
    const close = (done?: () => void) => done?.();
    const client = { id: clientId || `assigned-${randomUUID()}`, conn: guard, close } as unknown as Client;
    guard.subscriptions = new FiveSubscriptions(client, { doorman, publishers, maximum: limits.subscriptionsMax });
    judge(client, username, password).then(
      () => guard.destroyed || welcome(client),
      (error) => guard.refuse(failed(guard, error), error.message),
    );
  };
  const connections = new Connections({ ingest, limits, clock, log, connectFive, presence });
  const aedes = await openAedes(limits, log, doorman, {
    authenticate: (client, username, password, done) => {
      judge(client, username, password).then(
        () => done(null, true),
        (error) => {
          const guard = guardOf(client);
          connections.refused(failed(guard, error), error.message, guard.connect?.clientId);
          done(error, false);
        },
      );
    },
  });
  aedes.on('clientReady', welcome);
  tellPublishers(aedes, publishers, doorman);
  let closing = false;
  return {
    accept: (stream, address, certifiedId = null) => {
      if (closing) return void stream.destroy();
      if (failedConnects.isBarred(address)) {
        connections.refused('too_many_failed_connects', `from ${address}`);
        return void stream.on('error', () => undefined).destroy();
      }
      const guard = connections.admit(stream, address);
      if (certifiedId !== null) doorman.certify(guard, certifiedId);
      aedes.handle(guard as unknown as Client['conn']);
    },
    refused: (refusal, why) => connections.refused(refusal, why),
    counters: () => ({ connections: connections.size, refusals: { ...connections.refusals } }),
    measure: () => readingsOf(connections, clients),
    close: async () => {
      closing = true;
      doorman.close();
      await connections.drain(limits.closeTimeoutMs);
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      connections.close();
    },
  };
}

function readingsOf(connections: Connections, clients: Clients): Reading[] {
  return [
    gauge('footfall_mqtt_connections', 'MQTT connections', connections.size),
    counter('footfall_mqtt_takeovers_total', 'Connections that gave way to a later one of their id', clients.takeovers),
    counter('footfall_mqtt_refusals_total', 'Connections refused or closed for cause', connections.refusals, 'reason'),
    connections.times.buckets.reading(ACKNOWLEDGEMENTS, 'From PUBLISH read to PUBACK written'),
  ];
}

/** aedes as it is used here: for CONNECT and subscriptions of MQTT 3.1.1. */
async function openAedes(
  limits: Limits,
  log: Log,
  doorman: Doorman,
  hooks: Pick<NonNullable<ConstructorParameters<typeof Aedes>[0]>, 'authenticate'>,
): Promise<Aedes> {
  const subscriptions = limitSubscriptions(limits.subscriptionsMax, doorman.maySubscribe);
  const aedes = await Aedes.createBroker({
    ...hooks,
    // The guard has one of its own, which also holds while aedes waits for the guard.
    connectTimeout: 2 * limits.connectTimeoutMs,
    drainTimeout: limits.drainTimeoutMs,
    preConnect: (_client, packet, callback) => {
      // A session would keep nothing that a DPU needs: what it published is known by its identity, not by packet ids.
      packet.clean = true;
      delete packet.will;
      packet.keepalive = 0; // The guard measures silence: aedes would count the time in which nothing was read.
      callback(null, true);
    },
    // The guard takes publishes before they come here; and there are no wills.
    authorizePublish: (_client, _packet, callback) => callback(new Error('nothing is published here')),
    authorizeSubscribe: subscriptions.authorize,
  });
  aedes.on('clientDisconnect', (client) => log.debug({ client: client.id }, 'client gone'));
  aedes.on('unsubscribe', subscriptions.ended);
  logFaults(aedes, log);
  return aedes;
}

/** aedes was given it as the stream of its client. */
function guardOf(client: Client): Guard {
  return client.conn as unknown as Guard;
}

/** Without listeners an 'error' would end the process. Faults of one client are that client's, and are logged at debug. */
function logFaults(aedes: Aedes, log: Log): void {
  (aedes as EventEmitter).on('error', (error: Error) => log.error({ err: error }, 'fault in the broker'));
  const logFault = (client: Client, error: Error) => {
    log.debug({ client: client.id, why: error.message }, 'connection closed');
  };
  aedes.on('clientError', logFault);
  aedes.on('connectionError', logFault);
}
