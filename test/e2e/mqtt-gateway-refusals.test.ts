// The gateway and brokers that want something of it, or lack something: credentials, certificates, shared subscriptions, MQTT 5.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { connectAsync } from 'mqtt';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { makeAuthority, whyNoOpenssl } from '../support/certificates.ts';
import { httpClient, untilStored } from '../support/http.ts';
import { sampleOf, scrape } from '../support/metrics.ts';
import { type Mosquitto, startMosquitto, whyNoMosquitto } from '../support/mosquitto.ts';
import { type Service, startService } from '../support/service.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

const missing = whyNoMosquitto() ?? whyNoOpenssl();
if (missing !== null) process.stderr.write(`skipped: ${missing}\n`);

const PATIENCE = { timeout: 15_000, interval: 20 };
const CONSUMING = 'events are consumed from another broker';
const START_MS = Date.UTC(2018, 1, 24, 8);

/** A service that consumes as `environment` says. */
async function serviceAt(url: string, environment: Readonly<Record<string, string>> = {}): Promise<Service> {
  const service = await startService({
    environment: { FOOTFALL_GATEWAY_URL: url, FOOTFALL_LOG_LEVEL: 'info', ...environment },
  });
  onTestFinished(() => service.stop().then(() => undefined));
  await httpClient(service.httpUrl).post('/v1/dpus', { id: '423' });
  return service;
}

async function untilLogged(service: Service, what: string | RegExp): Promise<void> {
  await vi.waitFor(() => expect(service.log()).toMatch(what), PATIENCE);
}

async function publish(url: string, count: number, options: Parameters<typeof connectAsync>[1] = {}): Promise<void> {
  const device = await connectAsync(url, { reconnectPeriod: 0, ...options });
  const events = Array.from({ length: count }, (_, index) => ({ timestamp: START_MS + index, direction: 1 }));
  await Promise.all(events.map((event) => device.publishAsync('dpu/423/events', JSON.stringify(event), { qos: 1 })));
  await device.endAsync();
}

async function mosquittoWith(settings: readonly string[]): Promise<Mosquitto> {
  const mosquitto = await startMosquitto(settings);
  onTestFinished(() => mosquitto.kill());
  return mosquitto;
}

async function storedIn(service: Service): Promise<number> {
  return (await httpClient(service.httpUrl).get('/v1/events?page_size=1')).total;
}

describe.skipIf(missing !== null)('the gateway', () => {
  let folder: string;
  beforeAll(() => {
    folder = temporaryDir();
  });

  test('shows user and password; wrong ones are told in the log, without the password, and footfall runs all the same', async () => {
    const passwords = join(folder, 'passwords');
    execFileSync('mosquitto_passwd', ['-c', '-b', passwords, 'footfall', 'p@ss:word'], { stdio: 'pipe' });
    const mosquitto = await mosquittoWith(['allow_anonymous false', `password_file ${passwords}`]);
    const at = (password: string) =>
      mosquitto.url.replace('mqtt://', `mqtt://footfall:${encodeURIComponent(password)}@`);
    const wrong = await serviceAt(at('a wrong one'));
    await untilLogged(wrong, /refuses user and password; set them in FOOTFALL_GATEWAY_URL/);
    expect(wrong.log()).not.toContain('a wrong one');
    expect(wrong.log()).not.toContain('a%20wrong%20one');
    const { checks } = await httpClient(wrong.httpUrl).get('/readyz');
    expect(checks).toContainEqual({
      name: 'gateway',
      state: 'warning',
      detail: expect.stringContaining('refuses user and password'),
      action: expect.any(String),
    });
    const right = await serviceAt(at('p@ss:word'));
    await untilLogged(right, CONSUMING);
    const ok = { name: 'gateway', state: 'ok', detail: null, action: null };
    expect((await httpClient(right.httpUrl).get('/readyz')).checks).toContainEqual(ok);
    await publish(mosquitto.url, 3, { username: 'footfall', password: 'p@ss:word' });
    await untilStored(httpClient(right.httpUrl), 3);
  });

  test('speaks TLS, trusts the authority that it is given and no other, and shows its certificate', async () => {
    const authority = makeAuthority(folder, 'authority');
    const [server, client] = [authority.issue('localhost', 'server'), authority.issue('footfall', 'client')];
    const files = [`cafile ${authority.caPath}`, `certfile ${server.certPath}`, `keyfile ${server.keyPath}`];
    const mosquitto = await mosquittoWith(['allow_anonymous true', ...files, 'require_certificate true']);
    const url = mosquitto.url.replace('mqtt:', 'mqtts:');
    const stranger = await serviceAt(url);
    await untilLogged(stranger, /no connection to the other broker/);
    expect(stranger.log()).toMatch(/certificate/);
    const service = await serviceAt(url, {
      FOOTFALL_GATEWAY_CA: authority.caPath,
      FOOTFALL_GATEWAY_CERT: client.certPath,
      FOOTFALL_GATEWAY_KEY: client.keyPath,
    });
    await untilLogged(service, CONSUMING);
    await publish(url, 3, { ca: authority.ca, cert: client.cert, key: client.key });
    await untilStored(httpClient(service.httpUrl), 3);
  });

  test('shares the events with others of its group, each of which has a client id of its own', async () => {
    const mosquitto = await mosquittoWith(['allow_anonymous true']);
    const services = [
      await serviceAt(mosquitto.url, { FOOTFALL_GATEWAY_CLIENT_ID: 'one' }),
      await serviceAt(mosquitto.url, { FOOTFALL_GATEWAY_CLIENT_ID: 'two' }),
    ];
    for (const service of services) await untilLogged(service, CONSUMING);
    await publish(mosquitto.url, 100);
    const stored = () => Promise.all(services.map(storedIn));
    await vi.waitFor(async () => expect((await stored()).reduce((sum, one) => sum + one, 0)).toBe(100), PATIENCE);
    expect(Math.min(...(await stored()))).toBeGreaterThan(0);
  });

  test('is one connection, however many broker workers there are', async () => {
    const mosquitto = await mosquittoWith(['allow_anonymous true']);
    const service = await serviceAt(mosquitto.url, { FOOTFALL_BROKER_WORKERS: '3', FOOTFALL_METRICS_PORT: '0' });
    await untilLogged(service, CONSUMING);
    await publish(mosquitto.url, 50);
    await untilStored(httpClient(service.httpUrl), 50);
    const samples = await scrape(service);
    expect(sampleOf(samples, 'footfall_gateway_connects_total')).toBe(1);
    expect(sampleOf(samples, 'footfall_gateway_acknowledged_total')).toBe(50);
  });

  test('tells that two footfall use one client id', async () => {
    const mosquitto = await mosquittoWith(['allow_anonymous true']);
    const first = await serviceAt(mosquitto.url);
    await untilLogged(first, CONSUMING);
    await serviceAt(mosquitto.url);
    await untilLogged(first, /another footfall uses this client id, give each a FOOTFALL_GATEWAY_CLIENT_ID of its own/);
  });

  test('tells that a broker refuses its subscription, and what to do', async () => {
    const other = await startService();
    onTestFinished(() => other.stop().then(() => undefined));
    const service = await serviceAt(other.mqttUrl);
    await untilLogged(
      service,
      /refuses the subscription to \$share\/footfall\/dpu\/\+\/events.*FOOTFALL_GATEWAY_GROUP=none/,
    );
  });
});

test('a broker without MQTT 5 and without shared subscriptions is consumed from, by MQTT 3.1.1 and a plain subscription', async () => {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    server.close();
  });
  const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const service = await serviceAt(url, { FOOTFALL_GATEWAY_GROUP: 'none' });
  await untilLogged(service, CONSUMING);
  await publish(url, 20);
  await untilStored(httpClient(service.httpUrl), 20);
  await service.kill('SIGKILL');
  await publish(url, 40);
  await service.restart();
  await untilStored(httpClient(service.httpUrl), 40);
});
