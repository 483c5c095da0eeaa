// Starts the API on a port. The server is handed out so that others can take its `upgrade` event.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildApp } from './app.ts';
import type { ApiDependencies } from './dependencies.ts';

export type RunningApi = { readonly port: number; readonly server: Server; close(): Promise<void> };

/** Listens on `port` (0: a free one). `close` takes no more requests and resolves when those under way are answered. */
export async function startApi(
  dependencies: ApiDependencies,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<RunningApi> {
  const app = buildApp(dependencies);
  await app.listen({ host, port });
  const { port: taken } = app.server.address() as AddressInfo;
  return { port: taken, server: app.server, close: async () => app.close() };
}
