// The configuration of MQTT over TLS: several variables that only make sense together.

/** PEM files, read again when they change. `clientCaPath`: who signs certificates of DPUs; null: they have none. */
export type TlsConfig = {
  readonly host: string;
  readonly port: number;
  readonly certPath: string;
  readonly keyPath: string;
  readonly clientCaPath: string | null;
};

/** Half of what TLS needs is a mistake that nobody should find out about by being refused. */
export function tlsFaults(set: Record<string, string | undefined>): string[] {
  const isSet = (name: string) => set[name] !== undefined;
  const asked = ['FOOTFALL_MQTTS_HOST', 'FOOTFALL_MQTTS_PORT', 'FOOTFALL_TLS_CLIENT_CA', ...TLS_FILES].filter(isSet);
  const missing = asked.length === 0 ? [] : TLS_FILES.filter((name) => !isSet(name));
  return missing.map((name) => `${name}: required with ${asked.join(', ')}; the path of a PEM file`);
}

const TLS_FILES = ['FOOTFALL_TLS_CERT', 'FOOTFALL_TLS_KEY'];

type TlsVariables = {
  readonly FOOTFALL_MQTT_HOST: string;
  readonly FOOTFALL_MQTTS_HOST?: string | undefined;
  readonly FOOTFALL_MQTTS_PORT: number;
  readonly FOOTFALL_TLS_CERT?: string | undefined;
  readonly FOOTFALL_TLS_KEY?: string | undefined;
  readonly FOOTFALL_TLS_CLIENT_CA?: string | undefined;
};

/** Null: it is not configured. */
export function tlsOf(value: TlsVariables): TlsConfig | null {
  const { FOOTFALL_TLS_CERT: certPath, FOOTFALL_TLS_KEY: keyPath } = value;
  if (certPath === undefined || keyPath === undefined) return null;
  return Object.freeze({
    host: value.FOOTFALL_MQTTS_HOST ?? value.FOOTFALL_MQTT_HOST,
    port: value.FOOTFALL_MQTTS_PORT,
    certPath,
    keyPath,
    clientCaPath: value.FOOTFALL_TLS_CLIENT_CA ?? null,
  });
}
