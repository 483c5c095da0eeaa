// Configuration: defaults, every fault at once, unknown variables, and which hosts others can reach.
import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../shared/config.ts';

function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

test('nothing set is a good configuration', () => {
  const { config, warnings } = readConfig({ PATH: '/bin' });
  expect(warnings).toEqual([]);
  expect(config).toMatchObject({
    dataDir: './data',
    httpPort: 8080,
    mqttPort: 1883,
    futureAllowedMs: 300_000,
    mqttWsPort: null,
    mqttProxyProtocol: false,
  });
});

test('an empty variable is as good as none', () => {
  expect(readConfig({ FOOTFALL_HTTP_PORT: '' }).config.httpPort).toBe(8080);
});

test('all faults are listed at once, each with its variable', () => {
  const faults = faultsOf({
    FOOTFALL_HTTP_PORT: '70000',
    FOOTFALL_MQTT_PORT: 'x',
    FOOTFALL_LOG_LEVEL: 'loud',
    FOOTFALL_ADMIN_KEY: 'short',
  });
  expect(faults.map((fault) => fault.split(':')[0])).toEqual(
    expect.arrayContaining(['FOOTFALL_HTTP_PORT', 'FOOTFALL_MQTT_PORT', 'FOOTFALL_LOG_LEVEL', 'FOOTFALL_ADMIN_KEY']),
  );
});

test.each(['0.0.0.0', '::', '192.0.2.7', 'example.org', '127.0.0.1.example.org'])('others can reach %s', (host) => {
  expect(readConfig({ FOOTFALL_HTTP_HOST: host }).config.exposedHosts).toEqual([`FOOTFALL_HTTP_HOST: ${host}`]);
});

test.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])('only this machine can reach %s', (host) => {
  const { config } = readConfig({ FOOTFALL_HTTP_HOST: host, FOOTFALL_MQTT_HOST: host });
  expect(config.exposedHosts).toEqual([]);
});

test('an unknown FOOTFALL_ variable is a warning, not a fault', () => {
  expect(readConfig({ FOOTFALL_HTPP_PORT: '1' }).warnings).toEqual([expect.stringContaining('FOOTFALL_HTPP_PORT')]);
});

test('a gateway is where it consumes, and as whom', () => {
  const gatewayOf = (environment: Record<string, string>) => readConfig(environment).config.gateway;
  expect(gatewayOf({})).toBeNull();
  expect(gatewayOf({ FOOTFALL_GATEWAY_URL: 'mqtt://broker.example' })).toEqual({
    host: 'broker.example',
    port: 1883,
    tls: null,
    username: null,
    password: null,
    clientId: 'footfall',
    group: 'footfall',
  });
  const all = {
    FOOTFALL_GATEWAY_URL: 'mqtts://me:p%40ss@[::1]:8884/',
    FOOTFALL_GATEWAY_CLIENT_ID: 'second',
    FOOTFALL_GATEWAY_GROUP: 'none',
    FOOTFALL_GATEWAY_CA: 'ca.pem',
  };
  expect(gatewayOf(all)).toEqual({
    host: '::1',
    port: 8884,
    tls: { caPath: 'ca.pem', certPath: null, keyPath: null },
    username: 'me',
    password: 'p@ss',
    clientId: 'second',
    group: null,
  });
});

test.each([
  ['http://broker.example', 'the address of an MQTT broker'],
  ['broker.example:1883', 'the address of an MQTT broker'],
  ['mqtt://broker.example/topic', 'nothing after host and port'],
  ['mqtt://broker.example?clean=true', 'nothing after host and port'],
  ['mqtt://me:100%secret@broker.example', '%25'],
  ['mqtt://:secret@broker.example', 'a password without a user'],
])('FOOTFALL_GATEWAY_URL %s is a fault that says what to do, and not the password', (url, what) => {
  const faults = faultsOf({ FOOTFALL_GATEWAY_URL: url });
  expect(faults).toEqual([expect.stringContaining(what)]);
  expect(faults.join()).not.toContain('secret');
});

test('files for TLS to another broker come together, and with an mqtts:// URL', () => {
  const url = { FOOTFALL_GATEWAY_URL: 'mqtts://broker.example' };
  expect(faultsOf({ ...url, FOOTFALL_GATEWAY_CERT: 'a.pem' })).toEqual([expect.stringMatching(/GATEWAY_KEY/)]);
  expect(faultsOf({ FOOTFALL_GATEWAY_URL: 'mqtt://a', FOOTFALL_GATEWAY_CA: 'a.pem' })).toEqual([
    expect.stringMatching(/GATEWAY_CA.*mqtts/),
  ]);
});
