// Requests over HTTP as fast as they are answered, by autocannon in a process of its own. Takes a job as its only argument.
import autocannon from 'autocannon';

export type RequestsJob = {
  readonly url: string;
  /** Asked in turn, over and over. */
  readonly paths: readonly string[];
  readonly connections: number;
  readonly seconds: number;
};

export type RequestsResult = { readonly perSecond: number; readonly total: number; readonly p99Ms: number };

const { url, paths, connections, seconds } = JSON.parse(process.argv[2] as string) as RequestsJob;
const { requests, latency, errors, non2xx } = await autocannon({
  url,
  connections,
  duration: seconds,
  requests: paths.map((path) => ({ method: 'GET', path })),
});
if (errors > 0 || non2xx > 0) throw new Error(`${errors} errors, and ${non2xx} answers that were no success`);
const result: RequestsResult = { perSecond: requests.average, total: requests.total, p99Ms: latency.p99 };
process.send?.(result);
