// The thread for what the API asks for, facts and queries; one thread for both, because each thread costs 10 MB.
import { systemClock } from '../../clock.ts';
import { serveThread } from '../../thread.ts';
import type { AuditTrail } from '../audit-trail.ts';
import type { CredentialStore } from '../credentials.ts';
import type { FloorplanStore } from '../floorplan.ts';
import type { EventsQuery } from '../history.ts';
import type { WebhookStore } from '../webhooks.ts';
import { openAuditTrail } from './audit-trail.ts';
import { endAllConnections, openFleetDatabase } from './connections.ts';
import { openCredentials } from './credentials.ts';
import { type PackedPage, packPage } from './event-columns.ts';
import { type FleetCalls, fleetCalls } from './fleet-calls.ts';
import { openFloorplan } from './floorplan.ts';
import { type EmbeddedReader, openHistoryReader } from './history-reader.ts';
import { openWebhooks } from './webhooks.ts';

export type ServingThreadOptions = { readonly dataDir: string };

/** A thread's calls have one name space. */
type CredentialCalls = {
  readonly putCredential: CredentialStore['put'];
  readonly findCredential: CredentialStore['find'];
  readonly credentialKeys: CredentialStore['keys'];
  readonly newestCredential: CredentialStore['newest'];
  readonly credentialChanges: CredentialStore['changes'];
  readonly appendAudit: AuditTrail['append'];
  readonly listAudit: AuditTrail['list'];
};

type EventCalls = { events(query: EventsQuery): Promise<PackedPage> };

export type Serving = FloorplanStore &
  Omit<EmbeddedReader, keyof EventCalls> &
  EventCalls &
  CredentialCalls &
  FleetCalls &
  WebhookStore;

serveThread(({ dataDir }: ServingThreadOptions): Serving => {
  const floorplan = openFloorplan(dataDir, systemClock);
  const history = openHistoryReader(dataDir);
  const credentials = openCredentials(dataDir);
  const audit = openAuditTrail(dataDir);
  const fleet = openFleetDatabase(dataDir);
  endAllConnections(fleet, systemClock.nowMs());
  const webhooks = openWebhooks(dataDir);
  const close = async () => {
    fleet.close();
    await webhooks.close();
    await audit.close();
    await credentials.close();
    await floorplan.close();
    await history.close();
  };
  return {
    ...floorplan,
    ...history,
    events: async (query) => packPage(await history.events(query)),
    ...webhooks,
    putCredential: credentials.put,
    findCredential: credentials.find,
    credentialKeys: credentials.keys,
    newestCredential: credentials.newest,
    credentialChanges: credentials.changes,
    appendAudit: audit.append,
    listAudit: audit.list,
    ...fleetCalls(fleet),
    close,
  };
});
