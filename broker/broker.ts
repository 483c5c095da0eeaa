// The broker: aedes for the protocol, its hooks for what footfall makes of it. DPUs publish; nothing is fanned out.

import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { Aedes, type Client } from 'aedes';
import type { Clock } from '../shared/clock.ts';
import type { DpuId } from '../shared/ids.ts';
import type { Ingest } from '../shared/ingest.ts';
import type { Log } from '../shared/log.ts';
import type { Doorman } from './authenticate.ts';
import type { Clients } from './clients.ts';
import { Connections } from './connections.ts';
import type { Guard } from './guard.ts';
import { LIMITS, type Limits } from './limits.ts';
import { limitSubscriptions } from './subscriptions.ts';

export type BrokerDependencies = {
  readonly ingest: Ingest;
  readonly clock: Clock;
  readonly log: Log;
  readonly doorman: Doorman;
  readonly clients: Clients;
  /** Default: LIMITS. */
  readonly limits?: Partial<Limits>;
};

export type Broker = {
  /** Serves the client at the other end of `stream`; `certifiedId`: the name in a good certificate that it has shown. */
  accept(stream: Duplex, certifiedId?: string | null): void;
  /** Answers what is under way (5 s at most), then closes every connection. */
  close(): Promise<void>;
};

/** The guard has its own, which also holds while aedes waits for it. */
const CONNECT_TIMEOUT_MS = 2 * LIMITS.connectTimeoutMs;
/** CONNACK return code 0x02, identifier rejected (MQTT 3.1.1, table 3.1). */
const IDENTIFIER_REJECTED = 2;

export async function createBroker(dependencies: BrokerDependencies): Promise<Broker> {
  const { ingest, clock, log, doorman, clients } = dependencies;
  const limits = { ...LIMITS, ...dependencies.limits };
  const connections = new Connections(ingest, limits, clock, log);
  const subscriptions = limitSubscriptions(limits.subscriptionsMax, doorman.maySubscribe);
  const aedes = await Aedes.createBroker({
    connectTimeout: CONNECT_TIMEOUT_MS,
    drainTimeout: limits.drainTimeoutMs,
    preConnect: (_client, packet, callback) => {
      // A session would keep nothing that a DPU needs: what it published is known by its identity, not by packet ids.
      packet.clean = true;
      delete packet.will;
      packet.keepalive = 0; // The guard measures silence: aedes would count the time in which nothing was read.
      callback(null, true);
    },
    authenticate: (client, username, password, done) => {
      const connect = guardOf(client).connect;
      // [MQTT-3.1.3-8]
      const fault = { returnCode: IDENTIFIER_REJECTED };
      const isNameless = connect?.clientId === '' && !connect.clean;
      if (isNameless) return done(Object.assign(new Error('a session needs a client id'), fault), false);
      doorman.authenticate(client, username, password, (error, isAdmitted) => {
        if (isAdmitted === true) clients.admitted(client, () => done(null, true));
        else done(error, isAdmitted);
      });
    },
    // The guard takes publishes before they come here; and there are no wills.
    authorizePublish: (_client, _packet, callback) => callback(new Error('nothing is published here')),
    authorizeSubscribe: subscriptions.authorize,
  });
  aedes.on('clientReady', (client) => {
    guardOf(client).accept({ clientId: client.id, mayPublish: (dpuId) => doorman.mayPublish(client, dpuId) });
    ingest.connected(client.id as DpuId);
    log.debug({ client: client.id }, 'client connected');
  });
  aedes.on('clientDisconnect', (client) => log.debug({ client: client.id }, 'client gone'));
  aedes.on('unsubscribe', subscriptions.ended);
  logFaults(aedes, log);
  let closing = false;
  return {
    accept: (stream, certifiedId = null) => {
      if (closing) return void stream.destroy();
      const guard = connections.admit(stream);
      if (certifiedId !== null) doorman.certify(guard, certifiedId);
      aedes.handle(guard);
    },
    close: async () => {
      closing = true;
      doorman.close();
      await connections.drain(limits.closeTimeoutMs);
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      connections.close();
    },
  };
}

/** aedes was given it as the stream of its client. */
function guardOf(client: Client): Guard {
  return client.conn as Guard;
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
