// The audit log: a line for every change that somebody made over HTTP, with the key it was made with. What was changed of
// the building is told by /v1/facts; keys tell who made and who revoked them.
import type { Api } from './dependencies.ts';

/** Logs every request of `api` that changed something; events that DPUs send are in the journal. */
export function auditRequests(api: Api): void {
  api.addHook('onResponse', async ({ method, url, identity, routeOptions, log }, { statusCode }) => {
    if (method === 'GET' || method === 'HEAD' || statusCode >= 400 || routeOptions.config.scope === 'ingest') return;
    log.info({ audit: { by: identity?.id ?? null, method, url, status: statusCode } }, 'changed over HTTP');
  });
}
