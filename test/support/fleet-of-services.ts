// The services apart, on a Redis and an InfluxDB of their own, which a test may kill, stop and start.
import { type InfluxServer, type Server, startInflux, startRedis } from './servers.ts';
import { type Service, startService } from './service.ts';

export type ServiceName = 'broker' | 'processor' | 'api';

export type FleetOfServices = AsyncDisposable & {
  readonly redis: Server;
  readonly influx: InfluxServer;
  readonly environment: Readonly<Record<string, string>>;
  /** One more process of the service. */
  start(service: ServiceName, environment?: Readonly<Record<string, string>>): Promise<Service>;
};

/** `influxUrl`: what the services are told, where something stands before the server. */
export async function startServers(influxUrl?: (url: string) => Promise<string>): Promise<FleetOfServices> {
  const [redis, influx] = await Promise.all([startRedis(), startInflux()]);
  const services: Service[] = [];
  const environment = {
    FOOTFALL_STORAGE: 'influx-redis',
    REDIS_URL: redis.url,
    INFLUX_URL: influxUrl === undefined ? influx.url : await influxUrl(influx.url),
    INFLUX_TOKEN: influx.token,
    INFLUX_ORG: influx.org,
  };
  return {
    redis,
    influx,
    environment,
    start: async (service, more = {}) => {
      const started = await startService({ service, environment: { ...environment, ...more } });
      services.push(started);
      return started;
    },
    [Symbol.asyncDispose]: async () => {
      for (const service of services) await service.kill('SIGKILL');
      await redis.kill();
      await influx.kill();
    },
  };
}
