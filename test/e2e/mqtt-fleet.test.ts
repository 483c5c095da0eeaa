// The fleet behind several broker workers: whichever has the connection of a DPU, the API knows it, and when one dies.
import { connectAsync, type MqttClient } from 'mqtt';
import { generate } from 'mqtt-packet';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Client, httpClient } from '../support/http.ts';
import { connectPacket, openWire } from '../support/mqtt-wire.ts';
import { type Service, startService } from '../support/service.ts';
import { removeDir, temporaryDir } from '../support/temporary-dir.ts';
import { killWorker, workersOf } from '../support/workers.ts';

const SOON = { timeout: 10_000, interval: 50 };
const IDS = Array.from({ length: 12 }, (_, index) => `d${String(index).padStart(2, '0')}`);
let service: Service;
let client: Client;

beforeAll(async () => {
  service = await startService({ environment: { FOOTFALL_BROKER_WORKERS: '2' } });
  client = httpClient(service.httpUrl);
  await client.put('/v1/floorplan', { dpus: IDS.map((id) => ({ id })) });
});
afterAll(() => service.stop());

const online = async (): Promise<string[]> =>
  (await client.get('/v1/dpus/status?online=true')).results.map(({ dpu_id }: { dpu_id: string }) => dpu_id);

test('connections at every worker are known, also after takeovers and the death of a worker', async () => {
  const connect = (clientId: string, reconnectPeriod = 0) =>
    connectAsync(service.mqttUrl, { clientId, reconnectPeriod });
  const clients: MqttClient[] = await Promise.all(IDS.map((id) => connect(id)));
  await vi.waitFor(async () => expect(await online()).toEqual(IDS), SOON);
  // Over WebSocket the primary has it: it takes over from a worker.
  const overWebSocket = await connectAsync(service.wsUrl, { clientId: 'd00', reconnectPeriod: 0 });
  const again = await connect('d01');
  await vi.waitFor(async () => {
    const { refusals } = await client.get('/v1/dpus/d01/status');
    expect(refusals).toEqual({ taken_over: 1 });
  }, SOON);
  await vi.waitFor(async () => expect(await online()).toEqual(IDS), SOON);
  const gone = new Set<string>();
  for (const [index, one] of [overWebSocket, again, ...clients.slice(2)].entries()) {
    one.on('close', () => void gone.add(String(IDS[index])));
  }
  await killWorker(service, workersOf(service)[0] as number);
  await vi.waitFor(async () => {
    expect(gone.size).toBeGreaterThan(0);
    expect(await online()).toEqual(IDS.filter((id) => !gone.has(id)));
  }, SOON);
  expect(gone.has('d00')).toBe(false);
  for (const one of [overWebSocket, again, ...clients]) one.end(true);
  await vi.waitFor(async () => expect(await online()).toEqual([]), SOON);
});

test('a client that was there before anybody spoke of its DPU is online as soon as somebody does', async () => {
  await using alone = await startService();
  const client = await connectAsync(alone.mqttUrl, { clientId: 'early', reconnectPeriod: 0 });
  const http = httpClient(alone.httpUrl);
  await http.post('/v1/dpus', { id: 'early' });
  await vi.waitFor(async () => expect((await http.get('/v1/dpus/early/status')).online).toBe(true), SOON);
  await client.endAsync();
  await vi.waitFor(async () => expect((await http.get('/v1/dpus/early/status')).online).toBe(false), SOON);
});

test('what workers that are not started again have told is over', async () => {
  const dataDir = temporaryDir();
  try {
    const environment = { FOOTFALL_BROKER_WORKERS: '2' };
    const before = await startService({ dataDir, environment });
    await httpClient(before.httpUrl).put('/v1/floorplan', { dpus: IDS.map((id) => ({ id })) });
    const connect = (clientId: string) => connectAsync(before.mqttUrl, { clientId, reconnectPeriod: 0 });
    await Promise.all(IDS.map(connect));
    const total = async (at: Service, isOnline: boolean) =>
      (await httpClient(at.httpUrl).get(`/v1/dpus/status?online=${isOnline}`)).total;
    await vi.waitFor(async () => expect(await total(before, true)).toBe(IDS.length), SOON);
    await before.kill('SIGKILL');
    await using after = await startService({ dataDir });
    expect(await total(after, false)).toBe(IDS.length);
  } finally {
    removeDir(dataDir);
  }
});

test('a DPU whose CONNECT is followed by what no client may send is not online', async () => {
  await using wire = await openWire(service.mqttPort);
  wire.send(Buffer.concat([generate(connectPacket({ clientId: 'd07' })), Buffer.of(0, 0)]));
  await wire.closed();
  await vi.waitFor(async () => {
    const { refusals, online } = await client.get('/v1/dpus/d07/status');
    expect({ refusals, online }).toEqual({ refusals: { malformed_packet: 1 }, online: false });
  }, SOON);
});
