// The configuration of traces: the standard variables of OpenTelemetry, of which some are needed before its library is loaded.

/** `environment`: all of the variables, for its library; `ratio`: of the journal entries, how many are traced, 0 to 1. */
export type TracesConfig = { readonly environment: Readonly<Record<string, string>>; readonly ratio: number };

/** A busy broker stores some thousand entries a second: what is traced is for looking at, not for counting. */
const RATIO_STANDARD = 0.01;
const ENDPOINTS = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'];
const SAMPLERS: Readonly<Record<string, (argument: number) => number>> = {
  always_on: () => 1,
  always_off: () => 0,
  traceidratio: (argument) => argument,
};

/** Null: nobody wants traces. Adds what is wrong to `faults`. */
export function tracesOf(set: Readonly<Record<string, string | undefined>>, faults: string[]): TracesConfig | null {
  const endpoint = ENDPOINTS.find((name) => set[name] !== undefined);
  if (endpoint === undefined || set['OTEL_SDK_DISABLED'] === 'true' || set['OTEL_TRACES_EXPORTER'] === 'none')
    return null;
  if (!/^https?:$/.test(URL.parse(String(set[endpoint]))?.protocol ?? '')) {
    faults.push(`${endpoint}: an address such as http://127.0.0.1:4318, of a collector that takes OTLP over HTTP`);
  }
  const protocol = set['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? set['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? 'http/json';
  if (protocol !== 'http/json')
    faults.push(`OTEL_EXPORTER_OTLP_PROTOCOL: ${protocol} is not spoken here; set http/json`);
  const variables = Object.entries(set).filter(([name, value]) => name.startsWith('OTEL_') && value !== undefined);
  return { environment: Object.fromEntries(variables) as Record<string, string>, ratio: ratioOf(set, faults) };
}

function ratioOf(set: Readonly<Record<string, string | undefined>>, faults: string[]): number {
  const name = set['OTEL_TRACES_SAMPLER'];
  if (name === undefined) return RATIO_STANDARD;
  const sampler = SAMPLERS[name.replace(/^parentbased_/, '')];
  const argument = Number(set['OTEL_TRACES_SAMPLER_ARG'] ?? 1);
  if (sampler === undefined) faults.push(`OTEL_TRACES_SAMPLER: always_on, always_off or traceidratio`);
  if (!(argument >= 0 && argument <= 1)) faults.push('OTEL_TRACES_SAMPLER_ARG: a share from 0 to 1');
  return sampler?.(argument) ?? 0;
}
