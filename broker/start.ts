// A broker in the process that calls: what it stands on, put together, and its doors opened.
import { randomBytes } from 'node:crypto';
import type { Claims } from '../shared/claims.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import type { BrokerCore } from '../shared/core.ts';
import type { Ingest } from '../shared/ingest.ts';
import type { Log } from '../shared/log.ts';
import type { Measure } from '../shared/metrics/reading.ts';
import type { Boards } from '../shared/notices.ts';
import type { CommandStore } from '../shared/storage/commands.ts';
import type { ConnectionStore } from '../shared/storage/connections.ts';
import { type Authenticate, admitAnybody, admitKnown } from './authenticate.ts';
import { type BrokerCounters, createBroker } from './broker.ts';
import { Clients } from './clients.ts';
import { CommandDesk } from './command-desk.ts';
import { type DoorOptions, openDoors } from './doors.ts';
import type { Limits } from './limits.ts';
import { Presence } from './presence.ts';
import { Readers } from './readers.ts';
import type { SessionSources } from './session.ts';
import type { Publisher } from './subscriptions.ts';
import { createUpgradeHandler, type HandleUpgrade } from './websocket.ts';
import type { Ports } from './worker-messages.ts';

const TELLER_BYTES = 8;

export type BrokerServiceDependencies = {
  readonly ingest: Ingest;
  readonly clock: Clock;
  readonly log: Log;
  /** Who may connect; default: anybody, which is right on loopback without credentials. */
  readonly admission?: SessionSources;
  /** In place of the doorman's own. */
  readonly authenticate?: Authenticate;
  /** Default: no other process takes connections of this service. */
  readonly claims?: Claims;
  /** Whom it tells of its connections, under which name; default: nobody. */
  readonly connections?: { readonly store: Pick<ConnectionStore, 'begin' | 'tell'>; readonly teller: string };
  /** Commands for DPUs that connect here; default: none. */
  readonly commands?: Omit<CommandStore, 'close'>;
  /** What is read on retained topics; default: nothing. */
  readonly boards?: Boards;
  /** Over the table in limits.ts. */
  readonly limits?: Partial<Limits>;
};

export type BrokerService = {
  /** As they were taken. */
  readonly ports: Ports;
  /** For an HTTP server's `upgrade` event: MQTT at `/mqtt`, 404 elsewhere. */
  readonly handleUpgrade: HandleUpgrade;
  /** Of this process; workers have their own. */
  counters(): BrokerCounters;
  /** Of all its processes. */
  readonly measure: Measure;
  /** Takes no new connections, acknowledges what is being stored (5 s at most), closes all connections. */
  close(): Promise<void>;
};

/** A broker in this process. */
export async function startBroker(
  dependencies: BrokerServiceDependencies,
  options: DoorOptions,
): Promise<BrokerService> {
  const { ingest, clock, log, admission, authenticate, claims = null, connections, limits } = dependencies;
  const doorman = admission === undefined ? admitAnybody() : admitKnown({ ...admission, clock });
  const admitting = authenticate === undefined ? doorman : { ...doorman, authenticate };
  const clients = new Clients(claims, log);
  const isTold = connections !== undefined && admission !== undefined;
  const presence = isTold ? new Presence({ ...connections, plan: admission.plan, clock, log }) : null;
  const publishers = await publishersOf(dependencies);
  const broker = await createBroker({ publishers, ingest, clock, log, doorman: admitting, clients, presence, limits });
  const handleUpgrade = createUpgradeHandler((stream, address) => broker.accept(stream, address));
  try {
    const doors = await openDoors(broker, handleUpgrade, options, log);
    const close = async (): Promise<void> => {
      // No new connections while those that are there end.
      const closed = doors.close();
      await broker.close();
      await presence?.close();
      clients.close();
      await closed;
    };
    return {
      ports: doors.ports,
      handleUpgrade,
      counters: broker.counters,
      measure: async () => broker.measure(),
      close,
    };
  } catch (error) {
    await broker.close();
    await presence?.close();
    clients.close();
    throw error;
  }
}

async function publishersOf(dependencies: BrokerServiceDependencies): Promise<Publisher[]> {
  const { clock, log, admission, commands, boards } = dependencies;
  const publishers: Publisher[] = [];
  if (commands !== undefined) publishers.push(await CommandDesk.open({ store: commands, clock, log }));
  if (boards === undefined) return publishers;
  const version = () => admission?.plan.factNumber ?? 0;
  publishers.push(new Readers('count', boards.counts, version), new Readers('status', boards.statuses, version));
  return publishers;
}

/** What a broker in this process needs of what it stands on; `slot`: of the worker that it is, 0 for none. */
export function dependenciesOf(
  core: BrokerCore,
  claims: Claims | null,
  log: Log,
  slot: number,
  boards: Boards,
): BrokerServiceDependencies {
  const { access, ingest, floorplan, commands, suppressBelow, connections: store } = core;
  const admission = { access, plan: floorplan.plan, suppressBelow };
  // Where several services share a store, each process has a name that no other has.
  const teller = core.claims === null ? `slot-${slot}` : randomBytes(TELLER_BYTES).toString('hex');
  const connections = { store, teller };
  const rest = claims === null ? {} : { claims };
  return { ingest, clock: systemClock, log, admission, connections, commands, boards, ...rest };
}
