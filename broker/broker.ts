// The broker: guards in front, who may come in, and aedes for those who subscribe. DPUs publish; nothing is fanned out.
import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { Aedes, type Client } from 'aedes';
import type { Clock } from '../shared/clock.ts';
import type { DpuId } from '../shared/ids.ts';
import type { Ingest } from '../shared/ingest.ts';
import type { Log } from '../shared/log.ts';
import { counter, gauge, type Reading } from '../shared/metrics/reading.ts';
import { AedesStream } from './aedes-stream.ts';
import type { Doorman } from './authenticate.ts';
import type { Clients } from './clients.ts';
import { Connections } from './connections.ts';
import { FailedConnects } from './failed-connects.ts';
import type { Refusal } from './frames.ts';
import type { Guard } from './guard.ts';
import { LIMITS, type Limits } from './limits.ts';
import type { Presence } from './presence.ts';
import { ConnectRefused, refusalOf } from './session.ts';
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

const ACKNOWLEDGEMENTS = 'footfall_mqtt_acknowledgement_seconds';
const GUESSES: ReadonlySet<Refusal> = new Set(['wrong_credentials', 'not_authorized']);

/** MQTT 3.1 (3.1, "Client Identifier") allows no more characters. */
const CLIENT_ID_MAX_3_1 = 23;

export async function createBroker(dependencies: BrokerDependencies): Promise<Broker> {
  const { ingest, clock, log, doorman, clients, presence, publishers } = dependencies;
  const limits = { ...LIMITS, ...dependencies.limits };
  const failedConnects = new FailedConnects(limits, () => clock.monotonicMs());

  const judge = async (guard: Guard): Promise<void> => {
    checkClientId(guard);
    await doorman.authenticate(guard);
    await new Promise<void>((resolve) => clients.admitted(guard, resolve));
  };
  const refuse = (guard: Guard, error: Error): void => {
    const { refusal, message } = refusalOf(error);
    if (GUESSES.has(refusal)) failedConnects.failed(guard.address);
    guard.refuse(refusal, message);
  };
  const welcome = (guard: Guard): void => {
    if (guard.destroyed) return;
    const { clientId } = guard;
    guard.accept({
      mayPublish: (of) => doorman.mayPublish(guard, of),
      partOf: doorman.partOf(guard),
      publishesPerSecondMax: doorman.isLimited(guard) ? limits.publishesPerSecondMax : null,
    });
    ingest.connected(clientId as DpuId);
    // What came behind its CONNECT may have ended it already.
    if (!guard.destroyed) presence?.connected(guard);
    log.debug({ client: clientId }, 'client connected');
  };
  const connect = (guard: Guard): void => {
    const subscriptions = { doorman, publishers, maximum: limits.subscriptionsMax };
    if (guard.level === 5) guard.subscriptions = new FiveSubscriptions(guard, subscriptions);
    judge(guard).then(
      () => welcome(guard),
      (error) => refuse(guard, error),
    );
  };
  const serve = (guard: Guard): AedesStream => {
    const stream = new AedesStream(guard);
    aedes.handle(stream as unknown as Client['conn']);
    return stream;
  };
  const left = (guard: Guard): void => {
    doorman.left(guard);
    clients.left(guard);
    presence?.left(guard);
    log.debug({ client: guard.clientId }, 'client gone');
  };
  const connections = new Connections({ ingest, limits, clock, log, connect, serve, left, presence });
  const aedes = await openAedes(limits, log, doorman);
  aedes.on('clientReady', (client) => (client.conn as unknown as AedesStream).ready());
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

/** Throws ConnectRefused for a client id that is none in the version of MQTT that the client speaks. */
function checkClientId({ connect, level }: Guard): void {
  const isNameless = connect?.clientId === '' && !connect.clean;
  // [MQTT-3.1.3-8]
  if (isNameless && level < 5) throw new ConnectRefused('identifier_rejected', 'a session needs a client id');
  const isTooLong = level === 3 && (connect?.clientId.length ?? 0) > CLIENT_ID_MAX_3_1;
  if (isTooLong) throw new ConnectRefused('identifier_rejected', 'MQTT 3.1 allows client ids of 23 characters');
}

/** aedes as it is used here: for the subscriptions of MQTT 3.1.1, of clients that have been accepted. */
async function openAedes(limits: Limits, log: Log, doorman: Doorman): Promise<Aedes> {
  const subscriptions = limitSubscriptions(limits.subscriptionsMax, doorman.maySubscribe);
  const aedes = await Aedes.createBroker({
    drainTimeout: limits.drainTimeoutMs,
    // The guard takes publishes before they come here; and there are no wills.
    authorizePublish: (_client, _packet, callback) => callback(new Error('nothing is published here')),
    authorizeSubscribe: subscriptions.authorize,
  });
  aedes.on('unsubscribe', subscriptions.ended);
  logFaults(aedes, log);
  return aedes;
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
