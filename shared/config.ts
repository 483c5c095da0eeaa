// Configuration: environment variables, read once, checked together, frozen. The README's table says the same.
import { enableCompileCache, getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);
const seconds = z.coerce
  .number()
  .int()
  .min(0)
  .max(10 * 365 * 86_400);

const schema = z.object({
  FOOTFALL_DATA_DIR: z.string().min(1).default('./data'),
  FOOTFALL_STORAGE: z.enum(['embedded']).default('embedded'),
  FOOTFALL_HTTP_HOST: z.string().min(1).default('127.0.0.1'),
  FOOTFALL_HTTP_PORT: port.default(8080),
  FOOTFALL_MQTT_HOST: z.string().min(1).default('127.0.0.1'),
  FOOTFALL_MQTT_PORT: port.default(1883),
  FOOTFALL_MQTT_WS_PORT: port.optional(),
  FOOTFALL_FUTURE_ALLOWED_S: seconds.default(300),
  FOOTFALL_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
});

export type Config = {
  readonly dataDir: string;
  readonly storage: 'embedded';
  readonly httpHost: string;
  readonly httpPort: number;
  readonly mqttHost: string;
  readonly mqttPort: number;
  /** A listener of its own for MQTT over WebSocket; null: only at `/mqtt` on the HTTP port. */
  readonly mqttWsPort: number | null;
  readonly futureAllowedMs: number;
  readonly logLevel: string;
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
  for (const name of ['FOOTFALL_HTTP_HOST', 'FOOTFALL_MQTT_HOST'] as const) {
    const host = set[name];
    if (host === undefined || LOOPBACK.test(host)) continue;
    faults.push(
      `${name}: ${host} can be reached from outside, which needs credentials; use a loopback address such as 127.0.0.1`,
    );
  }
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults);
  const value = parsed.data;
  const config: Config = Object.freeze({
    dataDir: value.FOOTFALL_DATA_DIR,
    storage: value.FOOTFALL_STORAGE,
    httpHost: value.FOOTFALL_HTTP_HOST,
    httpPort: value.FOOTFALL_HTTP_PORT,
    mqttHost: value.FOOTFALL_MQTT_HOST,
    mqttPort: value.FOOTFALL_MQTT_PORT,
    mqttWsPort: value.FOOTFALL_MQTT_WS_PORT ?? null,
    futureAllowedMs: value.FOOTFALL_FUTURE_ALLOWED_S * 1000,
    logLevel: value.FOOTFALL_LOG_LEVEL,
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
