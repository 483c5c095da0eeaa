// Commands: queued over HTTP, delivered over MQTT at least once, kept while the DPU is away, withdrawn, expired, bounded.
import { connectAsync, type MqttClient } from 'mqtt';
import { generate, type IPublishPacket, type Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Client, httpClient } from '../support/http.ts';
import { openWire } from '../support/mqtt-wire.ts';
import { type Service, startService } from '../support/service.ts';

const SOON = { timeout: 10_000, interval: 20 };
type Sent = { readonly id: string; readonly command: string; readonly arguments: object };

let service: Service;
let client: Client;
let dpus = 0;
const open: MqttClient[] = [];

beforeAll(async () => {
  service = await startService();
  client = httpClient(service.httpUrl);
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.endAsync(true);
});
afterAll(() => service.stop());

const newDpu = async (): Promise<string> => {
  dpus += 1;
  const id = `dpu-${dpus}`;
  await client.post('/v1/dpus', { id });
  return id;
};
/** The DPU as a client library has it; what it is sent, in order. */
const comes = async (id: string, qos: 0 | 1 = 1, protocolVersion: 4 | 5 = 4): Promise<Sent[]> => {
  const received: Sent[] = [];
  const dpu = await connectAsync(service.mqttUrl, { clientId: id, reconnectPeriod: 0, protocolVersion });
  open.push(dpu);
  dpu.on('message', (topic, payload) => {
    expect(topic).toBe(`dpu/${id}/commands`);
    received.push(JSON.parse(payload.toString()));
  });
  await dpu.subscribeAsync(`dpu/${id}/commands`, { qos });
  return received;
};
const send = (id: string, command: string, more: object = {}) =>
  client.post(`/v1/dpus/${id}/commands`, { command, ...more });
const statesOf = async (id: string): Promise<[string, string][]> =>
  (await client.get(`/v1/dpus/${id}/commands`)).results.map((one: { command: string; state: string }) => [
    one.command,
    one.state,
  ]);
const untilStates = (id: string, states: [string, string][]) =>
  vi.waitFor(async () => expect(await statesOf(id)).toEqual(states), SOON);

test('a DPU that is there gets it at once, as it was sent, and its acknowledgement is told', async () => {
  const id = await newDpu();
  const received = await comes(id);
  const before = Date.now();
  const given = { level: 3, list: [], nothing: {}, text: 'ü ☃ "' };
  const answer = await client.call('POST', `/v1/dpus/${id}/commands`, { command: 'set-led', arguments: given });
  expect([answer.status, answer.headers.get('location')]).toEqual([202, `/v1/dpus/${id}/commands/${answer.body.id}`]);
  expect(answer.body).toMatchObject({ dpu_id: id, state: 'queued', delivered_at: null, arguments: given });
  await untilStates(id, [['set-led', 'delivered']]);
  expect(received).toEqual([{ id: answer.body.id, command: 'set-led', arguments: given }]);
  const now = await client.get(`/v1/dpus/${id}/commands/${answer.body.id}`);
  expect(Date.parse(now.delivered_at)).toBeGreaterThanOrEqual(before);
  expect(now.queued_at).toBe(answer.body.queued_at);
});

test('one that speaks MQTT 5 gets what waited for it, in order, and what comes', async () => {
  const id = await newDpu();
  for (const command of ['one', 'two']) await send(id, command);
  const received = await comes(id, 1, 5);
  await send(id, 'three');
  await untilStates(id, [
    ['one', 'delivered'],
    ['two', 'delivered'],
    ['three', 'delivered'],
  ]);
  expect(received.map(({ command }) => command)).toEqual(['one', 'two', 'three']);
});

test('a client of MQTT 5 is sent no more at once than it takes, and nothing that is too long for it', async () => {
  const [id, ...others] = [await newDpu(), await newDpu(), await newDpu()];
  await send(id, 'long', { arguments: { text: 'x'.repeat(400) } });
  await send(id, 'after');
  for (const other of others) for (const command of ['one', 'two']) await send(other, command);
  await using wire = await openWire(service.mqttPort, undefined, { protocolVersion: 5 });
  const properties = { receiveMaximum: 1, maximumPacketSize: 300 };
  const packets = [
    { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: 'gateway', clean: true, properties },
    {
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [id, ...others].map((one) => ({ topic: `dpu/${one}/commands`, qos: 1 })),
    },
  ] as Packet[];
  wire.send(...packets.map((packet) => generate(packet, { protocolVersion: 5 })));
  expect(await wire.next()).toMatchObject({ cmd: 'connack', reasonCode: 0 });
  expect(await wire.next()).toMatchObject({ cmd: 'suback', granted: [1, 1, 1] });
  const commands: string[] = [];
  while (commands.length < 5) {
    const packet = (await wire.next()) as IPublishPacket;
    commands.push(JSON.parse(packet.payload.toString()).command);
    wire.send(generate({ cmd: 'pingreq' }));
    // Nothing more before it is acknowledged.
    expect(await wire.next()).toMatchObject({ cmd: 'pingresp' });
    wire.send(generate({ cmd: 'puback', messageId: packet.messageId ?? 0, reasonCode: 0 }, { protocolVersion: 5 }));
  }
  expect(commands.toSorted()).toEqual(['after', 'one', 'one', 'two', 'two']);
  await untilStates(id, [
    ['long', 'queued'],
    ['after', 'delivered'],
  ]);
});

test('what a DPU of MQTT 5 refuses is not delivered: it waits for its next connection', async () => {
  const id = await newDpu();
  for (const command of ['one', 'two']) await send(id, command);
  await using wire = await openWire(service.mqttPort, undefined, { protocolVersion: 5 });
  const subscriptions = [{ topic: `dpu/${id}/commands`, qos: 1 }];
  const packets = [
    { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: id, clean: true },
    { cmd: 'subscribe', messageId: 1, subscriptions },
  ] as Packet[];
  wire.send(...packets.map((packet) => generate(packet, { protocolVersion: 5 })));
  expect([await wire.next(), await wire.next()]).toMatchObject([{ cmd: 'connack' }, { cmd: 'suback' }]);
  // 0x97: quota exceeded, which would be over for the second.
  for (const reasonCode of [0x97, 0]) {
    const { messageId = 0 } = (await wire.next()) as IPublishPacket;
    wire.send(generate({ cmd: 'puback', messageId, reasonCode }, { protocolVersion: 5 }));
  }
  await untilStates(id, [
    ['one', 'queued'],
    ['two', 'delivered'],
  ]);
  const received = await comes(id, 1, 5);
  await vi.waitFor(() => expect(received.map(({ command }) => command)).toEqual(['one']), SOON);
});

test('what is sent to a DPU that is away waits for it, in order, also while the service is killed', async () => {
  const id = await newDpu();
  for (const command of ['one', 'two', 'three']) await send(id, command);
  await untilStates(id, [
    ['one', 'queued'],
    ['two', 'queued'],
    ['three', 'queued'],
  ]);
  await service.kill('SIGKILL');
  await service.restart();
  const received = await comes(id);
  await untilStates(id, [
    ['one', 'delivered'],
    ['two', 'delivered'],
    ['three', 'delivered'],
  ]);
  expect(received.map(({ command }) => command)).toEqual(['one', 'two', 'three']);
  // What it has acknowledged does not come again.
  await service.kill('SIGKILL');
  await service.restart();
  const again = await comes(id);
  await send(id, 'four');
  await vi.waitFor(() => expect(again.map(({ command }) => command)).toEqual(['four']), SOON);
}, 60_000);

test('without a PUBACK it comes again with the next connection, and the next one waits', async () => {
  const id = await newDpu();
  const { id: commandId } = await send(id, 'first');
  await send(id, 'second');
  const topic = `dpu/${id}/commands`;
  const seen = async (acknowledges: boolean) => {
    await using wire = await openWire(service.mqttPort);
    await wire.connect({ clientId: id });
    wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] });
    expect(await wire.next()).toMatchObject({ cmd: 'suback', granted: [1] });
    const packet = (await wire.next()) as IPublishPacket;
    const { messageId = 0 } = packet;
    expect(packet).toMatchObject({ cmd: 'publish', topic, qos: 1, retain: false });
    expect(JSON.parse(packet.payload.toString()).id).toBe(commandId);
    // A PUBACK of something else is nothing.
    wire.send({ cmd: 'puback', messageId: messageId + 1 });
    await wire.ping();
    expect(wire.received).toEqual([]);
    if (!acknowledges) return;
    wire.send({ cmd: 'puback', messageId });
    const next = (await wire.next()) as IPublishPacket;
    expect(JSON.parse(next.payload.toString()).command).toBe('second');
  };
  await seen(false);
  await seen(true);
  await untilStates(id, [
    ['first', 'delivered'],
    ['second', 'queued'],
  ]);
});

test('with QoS 0 nobody can say that it has come: it does once a connection, and goes on waiting', async () => {
  const id = await newDpu();
  await send(id, 'one');
  for (let times = 0; times < 2; times++) {
    const received = await comes(id, 0);
    await vi.waitFor(() => expect(received.map(({ command }) => command)).toEqual(['one']), SOON);
    await open.pop()?.endAsync();
  }
  expect(await statesOf(id)).toEqual([['one', 'queued']]);
});

test('an expired command is not delivered, and one that is withdrawn neither', async () => {
  const id = await newDpu();
  await send(id, 'late', { expires_at: Date.now() + 300 });
  const { id: withdrawn } = await send(id, 'regretted');
  await send(id, 'good');
  expect((await client.call('DELETE', `/v1/dpus/${id}/commands/${withdrawn}`)).status).toBe(204);
  expect((await client.call('GET', `/v1/dpus/${id}/commands/${withdrawn}`)).body.code).toBe('command_not_found');
  expect((await client.call('DELETE', `/v1/dpus/${id}/commands/${withdrawn}`)).body.code).toBe('command_not_found');
  await untilStates(id, [
    ['late', 'expired'],
    ['good', 'queued'],
  ]);
  const received = await comes(id);
  await untilStates(id, [
    ['late', 'expired'],
    ['good', 'delivered'],
  ]);
  expect(received.map(({ command }) => command)).toEqual(['good']);
  const [, good] = (await client.get(`/v1/dpus/${id}/commands`)).results;
  const late = await client.call('DELETE', `/v1/dpus/${id}/commands/${good.id}`);
  expect([late.status, late.body.code]).toEqual([409, 'command_delivered']);
});

test('so many wait for one DPU, and so many of those that do not are kept', async () => {
  const id = await newDpu();
  const all = Array.from({ length: 100 }, (_, index) => `c${index}`);
  for (const command of all) await send(id, command);
  const more = await client.call('POST', `/v1/dpus/${id}/commands`, { command: 'more' });
  expect([more.status, more.body.code]).toEqual([409, 'too_many_commands']);
  const received = await comes(id);
  await vi.waitFor(() => expect(received.map(({ command }) => command)).toEqual(all), SOON);
  await vi.waitFor(async () => expect(new Set((await statesOf(id)).map(([, state]) => state)).size).toBe(1), SOON);
  for (const command of ['d0', 'd1', 'd2']) await send(id, command);
  await vi.waitFor(() => expect(received).toHaveLength(103), SOON);
  await send(id, 'last');
  const kept = (await statesOf(id)).map(([command]) => command);
  expect([kept[0], kept.at(-1), kept.length]).toEqual(['c3', 'last', 101]);
});

test('who acknowledges first has it for all who listen for the DPU; nobody else hears it', async () => {
  const [id, other] = [await newDpu(), await newDpu()];
  const dpu = await comes(id);
  const gateway = await connectAsync(service.mqttUrl, { clientId: 'gateway', reconnectPeriod: 0 });
  open.push(gateway);
  const heard: string[] = [];
  gateway.on('message', (topic) => void heard.push(topic));
  await gateway.subscribeAsync(`dpu/${id}/commands`, { qos: 1 });
  const none = await comes(other);
  await send(id, 'one');
  await untilStates(id, [['one', 'delivered']]);
  await vi.waitFor(() => expect(dpu.length + heard.length).toBeGreaterThan(0), SOON);
  expect([dpu.length <= 1, heard.length <= 1, none]).toEqual([true, true, []]);
});

test('what is no command is refused, with what to do', async () => {
  const id = await newDpu();
  const refused = async (body: object) => {
    const answer = await client.call('POST', `/v1/dpus/${id}/commands`, body);
    return [answer.status, answer.body.errors[0]?.path];
  };
  expect(await refused({})).toEqual([400, 'body.command']);
  expect(await refused({ command: 'two words' })).toEqual([400, 'body.command']);
  expect(await refused({ command: 'x', arguments: [] })).toEqual([400, 'body.arguments']);
  expect(await refused({ command: 'x', arguments: { text: 'ü'.repeat(2_100) } })).toEqual([400, 'body.arguments']);
  expect(await refused({ command: 'x', expires_at: Date.now() - 1 })).toEqual([400, 'body.expires_at']);
  expect(await refused({ command: 'x', expires_at: '2999-01-01T00:00:00Z' })).toEqual([400, 'body.expires_at']);
  const deep = `{"command":"x","arguments":{"deep":${'['.repeat(30_000)}${']'.repeat(30_000)}}}`;
  expect((await client.call('POST', `/v1/dpus/${id}/commands`, deep)).status).toBe(400);
  expect((await client.call('POST', '/v1/dpus/nobody/commands', { command: 'x' })).body.code).toBe('dpu_not_found');
  await client.post(`/v1/dpus/${id}/events`, { timestamp: Date.now(), direction: 1 });
  await client.delete(`/v1/dpus/${id}`);
  const gone = await client.call('POST', `/v1/dpus/${id}/commands`, { command: 'x' });
  expect(['id_retired', 'dpu_not_found']).toContain(gone.body.code);
});

test('a gateway that speaks for many has the commands of each, over one connection', async () => {
  const ids = await Promise.all(Array.from({ length: 20 }, newDpu));
  const gateway = await connectAsync(service.mqttUrl, { clientId: 'gateway', reconnectPeriod: 0 });
  open.push(gateway);
  const received: string[] = [];
  gateway.on('message', (topic) => void received.push(topic));
  await gateway.subscribeAsync(
    ids.map((id) => `dpu/${id}/commands`),
    { qos: 1 },
  );
  for (const id of ids) await send(id, 'one');
  await vi.waitFor(() => expect(received.toSorted()).toEqual(ids.map((id) => `dpu/${id}/commands`).toSorted()), SOON);
  for (const id of ids) await untilStates(id, [['one', 'delivered']]);
});
