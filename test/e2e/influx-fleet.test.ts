// The fleet behind brokers in processes of their own: any API knows every connection, and that those of a dead broker are over.
import { connectAsync } from 'mqtt';
import { expect, test, vi } from 'vitest';
import { startServers } from '../support/fleet-of-services.ts';
import { httpClient } from '../support/http.ts';

/** A dead broker is found out after 10 s. */
const FOUND_OUT = { timeout: 30_000, interval: 200 };

test('a DPU goes from one broker to another; then that one is killed', async () => {
  await using servers = await startServers();
  const api = await servers.start('api');
  const [one, other] = [await servers.start('broker'), await servers.start('broker')];
  await servers.start('processor');
  const client = httpClient(api.httpUrl);
  await client.put('/v1/floorplan', {
    spaces: [{ id: 'A' }],
    doorways: [{ id: 'X', a: 'A', b: null }],
    dpus: [{ id: '423', placements: [{ doorway_id: 'X', facing: 'a' }] }, { id: '283' }],
  });
  const status = (id: string) => client.get(`/v1/dpus/${id}/status`);
  const connect = (url: string, clientId: string) => connectAsync(url, { clientId, reconnectPeriod: 0 });
  await vi.waitFor(async () => expect((await status('283')).online).toBe(false), FOUND_OUT);
  const first = await connect(one.mqttUrl, '423');
  const staying = await connect(one.mqttUrl, '283');
  await vi.waitFor(async () => expect((await status('423')).online).toBe(true), FOUND_OUT);
  const { since } = await status('423');
  const second = await connect(other.mqttUrl, '423');
  await vi.waitFor(async () => {
    const now = await status('423');
    expect([now.online, now.refusals]).toEqual([true, { taken_over: 1 }]);
    expect(now.since > since).toBe(true);
  }, FOUND_OUT);
  // Readers at any broker are told.
  const topics = new Map<string, string>();
  staying.on('message', (topic, payload) => void topics.set(topic, payload.toString()));
  await staying.subscribeAsync(['spaces/A/count', 'dpus/423/status']);
  const publish = () =>
    second.publishAsync('dpu/423/events', JSON.stringify({ timestamp: Date.now(), direction: 1 }), { qos: 1 });
  await publish();
  await vi.waitFor(() => expect(JSON.parse(topics.get('spaces/A/count') ?? '{}').count).toBe(1), FOUND_OUT);
  await publish();
  await vi.waitFor(() => expect(JSON.parse(topics.get('spaces/A/count') ?? '{}').count).toBe(2), FOUND_OUT);
  await vi.waitFor(() => expect(JSON.parse(topics.get('dpus/423/status') ?? '{}').online).toBe(true), FOUND_OUT);
  // Commands go to whichever broker has the connection, or will have it.
  const commands: string[] = [];
  second.on('message', (_topic, payload) => void commands.push(JSON.parse(payload.toString()).command));
  await client.post('/v1/dpus/423/commands', { command: 'before' });
  await second.subscribeAsync('dpu/423/commands', { qos: 1 });
  await client.post('/v1/dpus/423/commands', { command: 'after' });
  await vi.waitFor(() => expect(commands).toEqual(['before', 'after']), FOUND_OUT);
  await vi.waitFor(async () => {
    const { results } = await client.get('/v1/dpus/423/commands');
    expect(results.map(({ state }: { state: string }) => state)).toEqual(['delivered', 'delivered']);
  }, FOUND_OUT);
  await other.kill('SIGKILL');
  await vi.waitFor(async () => expect((await status('423')).online).toBe(false), FOUND_OUT);
  expect((await status('283')).online).toBe(true);
  await vi.waitFor(() => expect(JSON.parse(topics.get('dpus/423/status') ?? '{}').online).toBe(false), FOUND_OUT);
  for (const each of [first, second, staying]) each.end(true);
}, 90_000);

test('while Redis is away nothing is promised; when it is back, what was promised before is kept, and connections are known', async () => {
  await using servers = await startServers();
  const [api, broker] = [await servers.start('api'), await servers.start('broker')];
  await servers.start('processor');
  const client = httpClient(api.httpUrl);
  await client.put('/v1/floorplan', { dpus: [{ id: '423' }] });
  const { id } = await client.post('/v1/dpus/423/commands', { command: 'before' });
  const early = await connectAsync(broker.mqttUrl, { clientId: '423', reconnectPeriod: 0 });
  await servers.redis.kill();
  const send = () => client.call('POST', '/v1/dpus/423/commands', { command: 'meanwhile' });
  await vi.waitFor(async () => {
    const refused = await send();
    // Whichever is asked first: whether a key is needed, or the store of commands.
    expect([refused.status, refused.body.code]).toEqual([
      503,
      expect.stringMatching(/^(journal_unavailable|not_ready)$/),
    ]);
  }, FOUND_OUT);
  const received: { id: string; command: string }[] = [];
  early.on('message', (_topic, payload) => void received.push(JSON.parse(payload.toString())));
  // It is granted, and served as soon as there is something to serve from.
  await early.subscribeAsync('dpu/423/commands', { qos: 1 });
  await servers.redis.start();
  await vi.waitFor(() => expect(received).toMatchObject([{ id, command: 'before' }]), FOUND_OUT);
  await vi.waitFor(async () => expect((await send()).status).toBe(202), FOUND_OUT);
  await vi.waitFor(() => expect(received.at(-1)).toMatchObject({ command: 'meanwhile' }), FOUND_OUT);
  await vi.waitFor(async () => expect((await client.get('/v1/dpus/423/status')).online).toBe(true), FOUND_OUT);
  early.end(true);
}, 90_000);
