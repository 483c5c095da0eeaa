// An empty store for a service under test, on the back-end that the tests run on (FOOTFALL_TEST_STORAGE).
import { type InfluxServer, type Server, startInflux, startRedis } from './servers.ts';

/** One Redis and one InfluxDB for each process of tests: a database and an organization for each store. */
let servers: Promise<{ redis: Server; influx: InfluxServer }> | undefined;
let stores = 0;

/** True when the tests run on Redis and InfluxDB. */
export const isInfluxRedis = process.env['FOOTFALL_TEST_STORAGE'] === 'influx-redis';

/** The variables of a store that nothing is in; none for the embedded one, which is empty with its data directory. */
export async function newStorage(): Promise<Record<string, string>> {
  return isInfluxRedis ? newInfluxRedis() : {};
}

/** The servers of this process of tests; started by the first store. */
export function serversOfTests(): Promise<{ redis: Server; influx: InfluxServer }> {
  servers ??= Promise.all([startRedis(['--databases', '10000']), startInflux()]).then(([redis, influx]) => ({
    redis,
    influx,
  }));
  return servers;
}

export async function newInfluxRedis(): Promise<Record<string, string>> {
  const { redis, influx } = await serversOfTests();
  stores += 1;
  const org = `store-${stores}`;
  const response = await fetch(`${influx.url}/api/v2/orgs`, {
    method: 'POST',
    headers: { authorization: `Token ${influx.token}` },
    body: JSON.stringify({ name: org }),
  });
  if (!response.ok) throw new Error(`no new organization: ${await response.text()}`);
  return {
    FOOTFALL_STORAGE: 'influx-redis',
    REDIS_URL: `${redis.url}/${stores}`,
    INFLUX_URL: influx.url,
    INFLUX_TOKEN: influx.token,
    INFLUX_ORG: org,
  };
}
