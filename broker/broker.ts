// The broker: aedes for the protocol, its hooks for what footfall makes of it. DPUs publish; nothing is fanned out.

import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { Aedes, type Client } from 'aedes';
import type { Clock } from '../shared/clock.ts';
import type { DpuId } from '../shared/ids.ts';
import type { Ingest } from '../shared/ingest.ts';
import type { Log } from '../shared/log.ts';
import type { Doorman } from './authenticate.ts';
import { Connections } from './connections.ts';
import type { Guard } from './guard.ts';
import { createPublishHook } from './ingest.ts';
import { limitSubscriptions } from './subscriptions.ts';

export type BrokerDependencies = {
  readonly ingest: Ingest;
  readonly clock: Clock;
  readonly log: Log;
  readonly doorman: Doorman;
};

export type Broker = {
  /** Serves the client at the other end of `stream`. */
  accept(stream: Duplex): void;
  /** Answers what is under way (5 s at most), then closes every connection. */
  close(): Promise<void>;
};

/** From the connection to CONNECT. */
const CONNECT_TIMEOUT_MS = 5_000;
/** For a client to take what was written to it. */
const DRAIN_TIMEOUT_MS = 10_000;
/** For publishes under way when the broker is closed. */
const CLOSE_TIMEOUT_MS = 5_000;
/** Grace on top of the keepalive that the client asked for: half of it [MQTT-3.1.2-24]. */
const KEEPALIVE_FACTOR_MS = 1_500;
/** Packet identifiers are 16 bits, and nothing of a QoS 2 publish but its identifier is kept. */
const PACKET_IDS_MAX = 65_535;
/** CONNACK return code 0x02, identifier rejected (MQTT 3.1.1, table 3.1). */
const IDENTIFIER_REJECTED = 2;

export async function createBroker({ ingest, clock, log, doorman }: BrokerDependencies): Promise<Broker> {
  const connections = new Connections(ingest.writer, clock, log);
  const subscriptions = limitSubscriptions(doorman.maySubscribe);
  const nameless = new WeakSet<Client>();
  const aedes = await Aedes.createBroker({
    connectTimeout: CONNECT_TIMEOUT_MS,
    drainTimeout: DRAIN_TIMEOUT_MS,
    maxInflightInbound: PACKET_IDS_MAX,
    preConnect: (client, packet, callback) => {
      if (packet.clientId === '' && packet.clean !== true) nameless.add(client);
      // A session would keep nothing that a DPU needs: what it published is known by its identity, not by packet ids.
      packet.clean = true;
      delete packet.will;
      // The guard measures silence: aedes would count the time in which nothing was read.
      (client.conn as Guard).keepaliveMs = (packet.keepalive ?? 0) * KEEPALIVE_FACTOR_MS;
      packet.keepalive = 0;
      callback(null, true);
    },
    authenticate: (client, username, password, done) => {
      // [MQTT-3.1.3-8]
      const fault = { returnCode: IDENTIFIER_REJECTED };
      if (nameless.has(client)) done(Object.assign(new Error('a session needs a client id'), fault), false);
      else doorman.authenticate(client, username, password, done);
    },
    authorizePublish: createPublishHook(ingest, doorman.mayPublish),
    authorizeSubscribe: subscriptions.authorize,
  });
  aedes.on('clientReady', (client) => {
    (client.conn as Guard).accepted();
    ingest.connected(client.id as DpuId);
    log.debug({ client: client.id }, 'client connected');
  });
  aedes.on('clientDisconnect', (client) => log.debug({ client: client.id }, 'client gone'));
  aedes.on('ping', (_, client) => ingest.alive(client.id as DpuId));
  aedes.on('unsubscribe', subscriptions.ended);
  logFaults(aedes, log);
  let closing = false;
  return {
    accept: (stream) => {
      if (closing) stream.destroy();
      else aedes.handle(connections.admit(stream));
    },
    close: async () => {
      closing = true;
      doorman.close();
      await connections.drain(CLOSE_TIMEOUT_MS);
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      connections.close();
    },
  };
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
