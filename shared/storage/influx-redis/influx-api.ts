// InfluxDB beside lines and queries: its buckets, and which of its failures may pass by themselves.
import { HistoryUnavailableError } from '../../errors.ts';
import { RAW_BUCKET, ROLLUP_BUCKET } from './points.ts';

const CALL_TIMEOUT_MS = 20_000;

const DAY_S = 86_400;
/** Long shards: a count over years opens few of them. */
const BUCKETS = [
  { name: RAW_BUCKET, shardGroupDurationSeconds: 30 * DAY_S },
  { name: ROLLUP_BUCKET, shardGroupDurationSeconds: 364 * DAY_S },
];

export type CallInflux = (method: 'GET' | 'POST', path: string, body?: object) => Promise<Record<string, unknown>>;

/** Calls of the management API; an answer of 404 to a GET is an empty one. */
export function openInfluxApi({ url, token }: { readonly url: string; readonly token: string }): CallInflux {
  return async (method, path, body) => {
    const response = await fetch(new URL(path, url), {
      method,
      headers: { authorization: `Token ${token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: Error) => {
      throw unavailable(error);
    });
    const text = await response.text();
    if (response.status === 404 && method === 'GET') return {};
    if (!response.ok) throw failure(response.status, text);
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  };
}

/** The names of its buckets that are there, and of those that are not. */
export async function bucketsOf(
  call: CallInflux,
  org: string,
): Promise<{ readonly orgID: string; readonly found: string[]; readonly missing: string[] }> {
  const { orgs } = (await call('GET', `/api/v2/orgs?org=${encodeURIComponent(org)}`)) as { orgs?: { id: string }[] };
  const orgID = orgs?.[0]?.id;
  if (orgID === undefined)
    throw new Error(`InfluxDB has no organization ${org}, or the token may not see it; see INFLUX_ORG`);
  const found: string[] = [];
  const missing: string[] = [];
  for (const { name } of BUCKETS) {
    const { buckets = [] } = (await call('GET', `/api/v2/buckets?orgID=${orgID}&name=${name}`)) as {
      buckets?: object[];
    };
    (buckets.length > 0 ? found : missing).push(name);
  }
  return { orgID, found, missing };
}

/** Creates the buckets that are missing; they keep for ever. */
export async function createBuckets(call: CallInflux, org: string): Promise<void> {
  const { orgID, missing } = await bucketsOf(call, org);
  for (const { name, shardGroupDurationSeconds } of BUCKETS.filter(({ name }) => missing.includes(name))) {
    const retentionRules = [{ type: 'expire', everySeconds: 0, shardGroupDurationSeconds }];
    await call('POST', '/api/v2/buckets', { orgID, name, retentionRules }).catch((error: Error) => {
      // Another process was faster.
      if (!/already exists/.test(error.message)) throw error;
    });
  }
}

export function unavailable(error: Error): HistoryUnavailableError {
  return new HistoryUnavailableError(`InfluxDB cannot be reached: ${error.message}`, { cause: error });
}

/** Which answers may be others later: the server's own failures, and what an operator puts right (token, bucket). */
export function failure(status: number, message: string, cause?: Error): Error {
  if (status === 0) return unavailable(cause ?? new Error(message));
  const what = `InfluxDB answers ${status}: ${message.slice(0, 500)}`;
  if (status >= 500 || status === 429 || status === 408) return new HistoryUnavailableError(what, { cause });
  if (status === 401 || status === 403) return new HistoryUnavailableError(`${what}; see INFLUX_TOKEN`, { cause });
  if (status === 404) return new HistoryUnavailableError(`${what}; see INFLUX_ORG`, { cause });
  return new Error(what, { cause });
}
