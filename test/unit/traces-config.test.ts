// The standard variables of OpenTelemetry: what is understood, what is refused with what to do, and what is loaded for it.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../shared/config.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };

test.each([
  ['no endpoint', { OTEL_TRACES_SAMPLER: 'always_on' }, null],
  ['disabled', { ...ENDPOINT, OTEL_SDK_DISABLED: 'true' }, null],
  ['no exporter', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, null],
  ['an endpoint alone', ENDPOINT, 0.01],
  ['an endpoint for traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector/v1/traces' }, 0.01],
  ['all', { ...ENDPOINT, OTEL_TRACES_SAMPLER: 'always_on' }, 1],
  ['none', { ...ENDPOINT, OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, 0],
  ['a share', { ...ENDPOINT, OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' }, 0.25],
])('%s', (_, environment, ratio) => {
  const { traces } = readConfig(environment).config;
  expect(traces?.ratio ?? null).toBe(ratio);
  if (traces !== null) expect(traces.environment).toEqual(environment);
});

test.each([
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' }, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
  [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'OTEL_EXPORTER_OTLP_PROTOCOL'],
  [{ ...ENDPOINT, OTEL_TRACES_SAMPLER: 'jaeger_remote' }, 'OTEL_TRACES_SAMPLER'],
  [{ ...ENDPOINT, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' }, 'OTEL_TRACES_SAMPLER_ARG'],
])('%o is a fault of %s', (environment, variable) => {
  const read = () => readConfig(environment);
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(`${variable}: `);
});

test('the libraries of metrics and traces are loaded only by who wants them', () => {
  const root = join(import.meta.dirname, '..', '..');
  const loadsAtOnce = globSync('{broker,processor,api,shared}/**/*.ts', { cwd: root }).filter((path) => {
    const imports = readFileSync(join(root, path), 'utf8').matchAll(/^import (type )?[^;]*? from '([^']+)'/gm);
    return [...imports].some(
      ([, type, from = '']) => type === undefined && /^(@opentelemetry|prom-client)|open-telemetry\.ts$/.test(from),
    );
  });
  expect(loadsAtOnce).toEqual(['shared/traces/open-telemetry.ts']);
});
