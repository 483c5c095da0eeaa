// Configuration: environment variables, read once, checked together, frozen. The README's table says the same.
import { enableCompileCache, getCompileCacheDir } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { type GatewayConfig, readGatewayConfig } from './gateway-config.ts';
import { type TlsConfig, tlsFaults, tlsOf } from './tls-config.ts';
import { type TracesConfig, tracesOf } from './traces/traces-config.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const seconds = z.coerce
  .number()
  .int()
  .min(0)
  .max(10 * 365 * 86_400);

const networks = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .refine((parts) => parts.every((part) => ipaddr.isValidCIDR(part)), 'networks such as 10.0.0.0/8,fd00::/8');

const schema = z.object({
  FOOTFALL_DATA_DIR: z.string().min(1).default('./data'),
  FOOTFALL_STORAGE: z.enum(['embedded', 'influx-redis']).default('embedded'),
  FOOTFALL_HTTP_HOST: z.string().min(1).default('127.0.0.1'),
  FOOTFALL_HTTP_PORT: port.default(8080),
  FOOTFALL_MQTT_HOST: z.string().min(1).default('127.0.0.1'),
  FOOTFALL_MQTT_PORT: port.default(1883),
  FOOTFALL_MQTT_WS_PORT: port.optional(),
  FOOTFALL_METRICS_HOST: z.string().min(1).default('127.0.0.1'),
  FOOTFALL_METRICS_PORT: port.optional(),
  FOOTFALL_BROKER_WORKERS: z
    .union([z.literal('auto'), z.coerce.number().int().min(1).max(64)], 'a number from 1 to 64, or auto: the cores')
    .default(1),
  FOOTFALL_MQTTS_HOST: z.string().min(1).optional(),
  FOOTFALL_MQTTS_PORT: port.default(8883),
  FOOTFALL_TLS_CERT: z.string().min(1).optional(),
  FOOTFALL_TLS_KEY: z.string().min(1).optional(),
  FOOTFALL_TLS_CLIENT_CA: z.string().min(1).optional(),
  FOOTFALL_DEMO: z.enum(['true', 'false']).default('false'),
  FOOTFALL_MQTT_PROXY_PROTOCOL: z.enum(['true', 'false']).default('false'),
  FOOTFALL_GATEWAY_URL: z.string().optional(),
  FOOTFALL_GATEWAY_CLIENT_ID: z.string().max(128).optional(),
  FOOTFALL_GATEWAY_GROUP: z
    .string()
    .regex(/^[^/+#]+$/, 'a name without /, + and #')
    .optional(),
  FOOTFALL_GATEWAY_CA: z.string().optional(),
  FOOTFALL_GATEWAY_CERT: z.string().optional(),
  FOOTFALL_GATEWAY_KEY: z.string().optional(),
  FOOTFALL_ADMIN_KEY: z.string().min(16, 'at least 16 characters, such as `openssl rand -hex 16` gives').optional(),
  FOOTFALL_REQUESTS_PER_S: z.coerce.number().int().min(1).max(1_000_000).default(100),
  FOOTFALL_SUPPRESS_BELOW: z.coerce.number().int().min(2).max(1000).optional(),
  FOOTFALL_WEBHOOK_NETWORKS: networks.optional(),
  FOOTFALL_LATENESS_ALLOWED_S: seconds.default(60),
  FOOTFALL_FUTURE_ALLOWED_S: seconds.default(300),
  FOOTFALL_LOST_AFTER_S: seconds.default(86_400),
  FOOTFALL_PARTITIONS: z.coerce.number().int().min(1).max(64).default(4),
  FOOTFALL_CHANGES_KEPT: z.coerce.number().int().min(1_000).max(1_000_000_000).default(1_000_000),
  FOOTFALL_REDIS_UNSAFE: z.enum(['true', 'false']).default('false'),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).default('redis://127.0.0.1:6379'),
  INFLUX_URL: z.url({ protocol: /^https?$/ }).default('http://127.0.0.1:8086'),
  INFLUX_TOKEN: z.string().min(1).optional(),
  INFLUX_ORG: z.string().min(1).default('footfall'),
  FOOTFALL_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
});

export type Config = {
  readonly dataDir: string;
  /** A generated building with people in it, in a data directory of its own. */
  readonly demo: boolean;
  readonly storage: 'embedded' | 'influx-redis';
  readonly httpHost: string;
  readonly httpPort: number;
  readonly mqttHost: string;
  readonly mqttPort: number;
  /** A listener of its own for MQTT over WebSocket; null: only at `/mqtt` on the HTTP port. */
  readonly mqttWsPort: number | null;
  /** Where Prometheus scrapes this process; null: nowhere. */
  readonly metrics: { readonly host: string; readonly port: number } | null;
  /** Processes that take MQTT connections; 1: the broker is in the process of its service. */
  readonly brokerWorkers: number;
  /** MQTT over TLS; null: not. */
  readonly tls: TlsConfig | null;
  /** A balancer is in front, and says whose each connection is. */
  readonly mqttProxyProtocol: boolean;
  /** Another broker to consume from; null: none. */
  readonly gateway: GatewayConfig | null;
  /** From PUBLISH to commit; null: nobody wants them. */
  readonly traces: TracesConfig | null;
  /** A key with all scopes; null: none. */
  readonly adminKey: string | null;
  /** Hosts that others than this machine can reach, which must not be open to everybody: `variable: host`. */
  readonly exposedHosts: readonly string[];
  /** HTTP requests of one key that are answered, over 10 s. */
  readonly requestsPerS: number;
  /** Counts below this are not told to keys that may only read; null: all are told. */
  readonly suppressBelow: number | null;
  /** Networks that are not of the public internet, and that webhooks may call all the same. */
  readonly webhookNetworks: readonly string[];
  readonly latenessAllowedMs: number;
  readonly futureAllowedMs: number;
  /** A DPU unheard for so long no longer holds back a watermark. */
  readonly lostAfterMs: number;
  readonly logLevel: string;
  /** Of the journal in Redis; fixed once events are in it. */
  readonly partitions: number;
  /** In Redis, of the change feed of each partition; older ones are not kept. */
  readonly changesKept: number;
  readonly redisUrl: string;
  /** Start although a setting of Redis may lose what was acknowledged. */
  readonly redisUnsafe: boolean;
  readonly influx: { readonly url: string; readonly token: string; readonly org: string };
};

/** Every fault of the configuration, a line each. */
export class ConfigError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** The configuration in `environment`, with a warning for each unknown FOOTFALL_ variable. Throws ConfigError. */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): { config: Config; warnings: string[] } {
  const set = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const known = new Set(Object.keys(schema.shape));
  const warnings = Object.keys(set)
    .filter((name) => name.startsWith('FOOTFALL_') && !known.has(name))
    .map((name) => `${name} is not a variable of footfall and has no effect`);
  const parsed = schema.safeParse(set);
  const faults = (parsed.error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  if (set['FOOTFALL_STORAGE'] === 'influx-redis' && set['INFLUX_TOKEN'] === undefined) {
    faults.push(
      'INFLUX_TOKEN: required with FOOTFALL_STORAGE=influx-redis; a token that may read and write the buckets',
    );
  }
  faults.push(...tlsFaults(set));
  const gateway = readGatewayConfig(set, faults);
  const traces = tracesOf(set, faults);
  const isDemo = set['FOOTFALL_DEMO'] === 'true';
  if (isDemo && set['FOOTFALL_STORAGE'] === 'influx-redis') {
    faults.push('FOOTFALL_DEMO: the demo keeps its people in files: leave FOOTFALL_STORAGE out, or set it to embedded');
  }
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults);
  const value = parsed.data;
  const tls = tlsOf(value);
  const config: Config = Object.freeze({
    dataDir: isDemo ? join(value.FOOTFALL_DATA_DIR, 'demo') : value.FOOTFALL_DATA_DIR,
    demo: isDemo,
    storage: value.FOOTFALL_STORAGE,
    httpHost: value.FOOTFALL_HTTP_HOST,
    httpPort: value.FOOTFALL_HTTP_PORT,
    mqttHost: value.FOOTFALL_MQTT_HOST,
    mqttPort: value.FOOTFALL_MQTT_PORT,
    mqttWsPort: value.FOOTFALL_MQTT_WS_PORT ?? null,
    metrics:
      value.FOOTFALL_METRICS_PORT === undefined
        ? null
        : { host: value.FOOTFALL_METRICS_HOST, port: value.FOOTFALL_METRICS_PORT },
    brokerWorkers: value.FOOTFALL_BROKER_WORKERS === 'auto' ? availableParallelism() : value.FOOTFALL_BROKER_WORKERS,
    mqttProxyProtocol: value.FOOTFALL_MQTT_PROXY_PROTOCOL === 'true',
    gateway,
    traces,
    adminKey: value.FOOTFALL_ADMIN_KEY ?? null,
    requestsPerS: value.FOOTFALL_REQUESTS_PER_S,
    suppressBelow: value.FOOTFALL_SUPPRESS_BELOW ?? null,
    webhookNetworks: Object.freeze(value.FOOTFALL_WEBHOOK_NETWORKS ?? []),
    tls,
    exposedHosts: [
      ['FOOTFALL_HTTP_HOST', value.FOOTFALL_HTTP_HOST],
      ['FOOTFALL_MQTT_HOST', value.FOOTFALL_MQTT_HOST],
      ...(tls === null ? [] : [['FOOTFALL_MQTTS_HOST', tls.host]]),
    ]
      .filter(([, host = '']) => !LOOPBACK.test(host))
      .map(([name, host]) => `${name}: ${host}`),
    latenessAllowedMs: value.FOOTFALL_LATENESS_ALLOWED_S * 1000,
    lostAfterMs: value.FOOTFALL_LOST_AFTER_S * 1000,
    futureAllowedMs: value.FOOTFALL_FUTURE_ALLOWED_S * 1000,
    logLevel: value.FOOTFALL_LOG_LEVEL,
    partitions: value.FOOTFALL_PARTITIONS,
    changesKept: value.FOOTFALL_CHANGES_KEPT,
    redisUrl: value.REDIS_URL,
    redisUnsafe: value.FOOTFALL_REDIS_UNSAFE === 'true',
    influx: Object.freeze({ url: value.INFLUX_URL, token: value.INFLUX_TOKEN ?? '', org: value.INFLUX_ORG }),
  });
  return { config, warnings };
}

/**
 * Keeps code compiled for the next start, and for threads, which learn of it from the environment only: without it each
 * of them would load a TypeScript stripper of its own, some 10 MB.
 */
export function keepCompiledCode(): void {
  enableCompileCache();
  const directory = getCompileCacheDir();
  if (directory !== undefined) process.env['NODE_COMPILE_CACHE'] ??= dirname(directory);
}

/** In a thread, whose environment is its own: what a library reads there by itself. */
export function provideEnvironment(variables: Readonly<Record<string, string>>): void {
  Object.assign(process.env, variables);
}
