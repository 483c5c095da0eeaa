// A service with several broker workers: what they take is counted, and they agree on who is connected and who may be.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { httpClient, untilStored } from '../support/http.ts';
import { openWire, publishPacket, type Wire } from '../support/mqtt-wire.ts';
import { type Service, startService } from '../support/service.ts';
import { removeDir, temporaryDir } from '../support/temporary-dir.ts';
import { killWorker, openFilesOf, REACH, workersOf } from '../support/workers.ts';

const WORKERS = 3;
const SOON = { timeout: 5_000, interval: 20 };

let service: Service;
beforeAll(async () => {
  service = await startService({ environment: { FOOTFALL_BROKER_WORKERS: String(WORKERS) } });
});
afterAll(() => service.stop());

const event = (atMs: number) => JSON.stringify({ timestamp: atMs, direction: 1 });
const AT_MS = Date.UTC(2026, 0, 15, 9);

async function connected(clientId: string, port = service.mqttPort): Promise<Wire> {
  const wire = await openWire(port);
  await wire.connect({ clientId });
  return wire;
}

test('every worker gets connections, and what each takes is counted', async () => {
  expect(workersOf(service)).toHaveLength(WORKERS);
  const client = httpClient(service.httpUrl);
  await client.put('/v1/floorplan', {
    spaces: [{ id: 'hall' }],
    doorways: [{ id: 'door', a: 'hall', b: null }],
    dpus: ['w0', 'w1', 'w2'].map((id) => ({ id, placements: [{ doorway_id: 'door', facing: 'a' }] })),
    resets: [],
  });
  const before = openFilesOf(service);
  const wires: Wire[] = [];
  for (let index = 0; index < REACH; index++) {
    const wire = await connected(`any-${index}`);
    wires.push(wire);
    wire.send(publishPacket(`dpu/w${index % 3}/events`, event(AT_MS + index), 1));
    expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  }
  for (const [index, files] of openFilesOf(service).entries()) expect(files).toBeGreaterThan(before[index] as number);
  for (const wire of wires) wire.destroy();
  // A worker may not have known of the floor plan yet; then its event leaves quarantine a little later.
  await vi.waitFor(async () => expect((await client.get('/v1/spaces/hall/count')).count).toBe(REACH), {
    timeout: 15_000,
  });
  expect((await client.post('/v1/verify', {})).discrepancies).toEqual([]);
});

test('one client id has one connection, whichever worker has it', async () => {
  const wires: Wire[] = [];
  for (let index = 0; index < REACH; index++) {
    wires.push(await connected('twin'));
    await wires.at(-2)?.closed();
  }
  const last = wires.at(-1) as Wire;
  await last.ping();
  expect(last.ended).toBe(false);
  last.destroy();
});

test('of many connections with one client id at once a single one stays', async () => {
  const wires = await Promise.all(Array.from({ length: 12 }, () => openWire(service.mqttPort)));
  await Promise.all(wires.map((wire) => wire.connect({ clientId: 'crowd' }).catch(() => undefined)));
  await vi.waitFor(() => expect(wires.filter((wire) => !wire.ended)).toHaveLength(1), SOON);
  await (wires.find((wire) => !wire.ended) as Wire).ping();
  for (const wire of wires) wire.destroy();
});

test('a worker that dies is replaced, and the others keep their connections', async () => {
  const wires = await Promise.all(Array.from({ length: REACH }, (_, index) => connected(`s${index}`)));
  await killWorker(service, workersOf(service)[0] as number);
  await vi.waitFor(() => expect(wires.filter((wire) => wire.ended).length).toBeGreaterThan(0), SOON);
  expect(wires.filter((wire) => !wire.ended).length).toBeGreaterThan(0);
  for (const wire of wires) if (!wire.ended) await wire.ping();
  for (let index = 0; index < REACH; index++) await (await connected(`again-${index}`)).ping();
  for (const wire of wires) wire.destroy();
});

test('a port that another service has is not shared with it', async () => {
  const taken = { FOOTFALL_MQTT_PORT: String(service.mqttPort), FOOTFALL_HTTP_PORT: '0', FOOTFALL_BROKER_WORKERS: '2' };
  const refused = await runCommand(['start'], { FOOTFALL_DATA_DIR: temporaryDir(), ...taken });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('cannot listen');
});

test('two devices that throw each other out are named in the log', { timeout: 30_000 }, async () => {
  for (let index = 0; index < REACH; index++) await (await connected('flapper')).ping();
  await vi.waitFor(() => expect(service.log()).toContain('"clientId":"flapper"'), { timeout: 15_000 });
});

test('what workers stored before everything was killed is counted by a service with fewer of them', async () => {
  const dataDir = temporaryDir();
  const port = { FOOTFALL_BROKER_WORKERS: '2' };
  const first = await startService({ dataDir, environment: port });
  await httpClient(first.httpUrl).post('/v1/dpus', { id: 'late' });
  const wires = await Promise.all(Array.from({ length: REACH }, (_, index) => connected(`l${index}`, first.mqttPort)));
  for (const [index, wire] of wires.entries()) {
    wire.send(publishPacket('dpu/late/events', event(AT_MS + index), 1));
    expect(await wire.next()).toMatchObject({ cmd: 'puback' });
  }
  await first.kill('SIGKILL');
  const second = await startService({ dataDir, environment: { FOOTFALL_BROKER_WORKERS: '1' } });
  await vi.waitFor(() => untilStored(httpClient(second.httpUrl), REACH, '/v1/dpus/late/events?page_size=1'), {
    timeout: 15_000,
  });
  await second.stop();
  removeDir(dataDir);
});
