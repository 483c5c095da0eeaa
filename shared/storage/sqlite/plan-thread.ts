// The thread of a broker worker for what it looks up, facts that its primary has announced and credentials, and for what
// it tells of its connections.
import { systemClock } from '../../clock.ts';
import { serveThread } from '../../thread.ts';
import type { CredentialStore } from '../credentials.ts';
import type { FloorplanStore } from '../floorplan.ts';
import { openFleetDatabase } from './connections.ts';
import { openCredentials } from './credentials.ts';
import { type FleetCalls, fleetCalls } from './fleet-calls.ts';
import { openFloorplan } from './floorplan.ts';
import { awaitNews, type News } from './news.ts';

export type PlanThreadOptions = { readonly dataDir: string };

export type PlanThread = Pick<FloorplanStore, 'read' | 'announced'> &
  Pick<CredentialStore, 'find' | 'newest' | 'changes'> &
  FleetCalls & { readonly nextNews: (known: News) => Promise<News> };

serveThread(({ dataDir }: PlanThreadOptions): PlanThread & { close(): Promise<void> } => {
  const { announced, read, close: closeFloorplan } = openFloorplan(dataDir, systemClock);
  const { find, newest, changes, close: closeCredentials } = openCredentials(dataDir);
  const fleet = openFleetDatabase(dataDir);
  const close = async () => {
    fleet.close();
    await closeCredentials();
    await closeFloorplan();
  };
  // What is not announced yet does not stand in the journal, so no event may be accepted by it.
  const readAnnounced: FloorplanStore['read'] = async (after, limit) => {
    const upTo = await announced();
    return (await read(after, limit)).filter((fact) => fact.number <= upTo);
  };
  const calls = fleetCalls(fleet);
  const nextNews = awaitNews(async () => ({
    announced: await announced(),
    command: (await calls.commandsSince(null)).number,
  }));
  return { announced, read: readAnnounced, find, newest, changes, ...calls, nextNews, close };
});
