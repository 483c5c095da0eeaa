// What a storage thread answers about the fleet, under names of its own, because a thread's calls have one name space.
import type { DatabaseSync } from 'node:sqlite';
import type { Threaded } from '../../thread.ts';
import type { CommandStore } from '../commands.ts';
import type { ConnectionStore } from '../connections.ts';
import { type CommandTable, openCommandTable } from './commands.ts';
import { openConnections } from './connections.ts';

/** Between looks for commands that another process has queued. */
const FOLLOW_MS = 200;

export type FleetCalls = {
  readonly beginConnections: ConnectionStore['begin'];
  readonly tellConnections: ConnectionStore['tell'];
  readonly findConnections: ConnectionStore['find'];
  readonly newestConnection: ConnectionStore['newest'];
  readonly connectionChanges: ConnectionStore['changes'];
  readonly queueCommand: CommandTable['queue'];
  readonly listCommands: CommandTable['list'];
  readonly commandDelivered: CommandTable['delivered'];
  readonly withdrawCommand: CommandTable['withdraw'];
  readonly commandsSince: CommandTable['since'];
};

/** Inside the thread. */
export function fleetCalls(database: DatabaseSync): FleetCalls {
  const { begin, tell, find, newest, changes } = openConnections(database);
  const { queue, list, delivered, withdraw, since } = openCommandTable(database);
  return {
    beginConnections: begin,
    tellConnections: tell,
    findConnections: find,
    newestConnection: newest,
    connectionChanges: changes,
    queueCommand: queue,
    listCommands: list,
    commandDelivered: delivered,
    withdrawCommand: withdraw,
    commandsSince: since,
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

/** The port again, outside the thread; `close` before the thread. */
export function commandsOf(thread: Threaded<FleetCalls>): CommandStore {
  const timers: NodeJS.Timeout[] = [];
  let onQueuedHere: () => void = () => undefined;
  return {
    queue: async (command) => {
      const isQueued = await thread.queueCommand(command);
      if (isQueued) onQueuedHere();
      return isQueued;
    },
    list: thread.listCommands,
    delivered: thread.commandDelivered,
    withdraw: thread.withdrawCommand,
    since: thread.commandsSince,
    follow: async (onQueued) => {
      onQueuedHere = onQueued;
      timers.push(setInterval(onQueued, FOLLOW_MS).unref());
    },
    close: async () => {
      for (const timer of timers) clearInterval(timer);
    },
  };
}
