// What a storage thread answers about the fleet, under names of its own, because a thread's calls have one name space.
import type { DatabaseSync } from 'node:sqlite';
import type { Threaded } from '../../thread.ts';
import type { ConnectionStore } from '../connections.ts';
import { openConnections } from './connections.ts';

export type FleetCalls = {
  readonly beginConnections: ConnectionStore['begin'];
  readonly tellConnections: ConnectionStore['tell'];
  readonly findConnections: ConnectionStore['find'];
  readonly newestConnection: ConnectionStore['newest'];
  readonly connectionChanges: ConnectionStore['changes'];
};

/** Inside the thread. */
export function fleetCalls(database: DatabaseSync): FleetCalls {
  const { begin, tell, find, newest, changes } = openConnections(database);
  return {
    beginConnections: begin,
    tellConnections: tell,
    findConnections: find,
    newestConnection: newest,
    connectionChanges: changes,
  };
}

/** The port again, outside the thread. */
export function connectionsOf(thread: Threaded<FleetCalls>): Omit<ConnectionStore, 'close'> {
  return {
    begin: thread.beginConnections,
    tell: thread.tellConnections,
    find: thread.findConnections,
    newest: thread.newestConnection,
    changes: thread.connectionChanges,
  };
}
