// How sure a count is: watermarks, who is waited for, outages, and whether the doorways were watched.
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Client, httpClient } from '../support/http.ts';
import { type Service, startService } from '../support/service.ts';

let service: Service;
let client: Client;
let prefix: string;
let prefixes = 0;

/** Short, so that a test can wait for it. */
const LATENESS_S = 1;

beforeAll(async () => {
  service = await startService({ environment: { FOOTFALL_LATENESS_ALLOWED_S: String(LATENESS_S) } });
  client = httpClient(service.httpUrl);
});
afterAll(() => service.stop());
beforeEach(() => {
  prefix = `t${++prefixes}`;
});

const id = (name: string): string => `${prefix}-${name}`;
const PAST = '2026-01-02T08:00:00.000Z';

/** Room A with a door that DPU 1 watches and a door that nobody does yet. */
async function room(): Promise<void> {
  await client.post('/v1/spaces', { id: id('A') });
  await client.post('/v1/doorways', { id: id('X'), a: id('A'), b: null });
  await client.post('/v1/dpus', { id: id('1') });
  await client.post(`/v1/dpus/${id('1')}/placements`, { doorway_id: id('X'), facing: 'a' });
}

const count = (at?: string) => client.get(`/v1/spaces/${id('A')}/count${at === undefined ? '' : `?at=${at}`}`);
const hear = (name = '1', events: unknown = []) => client.post(`/v1/dpus/${id(name)}/events`, events);
const waitFor = (at: string | undefined, expected: object) =>
  expect.poll(() => count(at), { timeout: 10_000 }).toMatchObject(expected);

test('a DPU that was never heard holds back every count', async () => {
  await room();
  expect(await count(PAST)).toMatchObject({ status: 'provisional', watermark: null, waiting_for: [id('1')], lost: [] });
});

test('an empty array is a sign of life: what lies the allowed lateness before it is settled', async () => {
  await room();
  await hear();
  await waitFor(PAST, { status: 'settled', waiting_for: [] });
  const { watermark, at } = await count();
  expect(Date.parse(at) - Date.parse(watermark)).toBeGreaterThanOrEqual(LATENESS_S * 1000);
  expect(await count()).toMatchObject({ status: 'provisional', waiting_for: [id('1')] });
  expect((await count(watermark)).status).toBe('settled');
  const after = new Date(Date.parse(watermark) + 1).toISOString();
  expect((await count(after)).status).toBe('provisional');
});

test('of several DPUs the one heard least lately holds back the space', async () => {
  await room();
  await client.post('/v1/dpus', { id: id('2') });
  await client.post(`/v1/dpus/${id('2')}/placements`, { doorway_id: id('X'), facing: 'a' });
  await hear('1', { timestamp: PAST, direction: 1 });
  await waitFor(PAST, { count: 1, status: 'provisional', watermark: null, waiting_for: [id('2')] });
});

test('a placement that has ended needs its DPU only up to then', async () => {
  await room();
  await client.post('/v1/dpus', { id: id('2') });
  const until = '2026-01-01T00:00:00Z';
  await client.post(`/v1/dpus/${id('2')}/placements`, { doorway_id: id('X'), facing: 'a', until });
  await hear('1');
  await waitFor(PAST, { waiting_for: [id('2')] });
  await hear('2');
  await waitFor(PAST, { status: 'settled' });
});

test('an outage excuses a DPU while it lasts, until it is revoked', async () => {
  await room();
  const path = `/v1/dpus/${id('1')}/outages`;
  const outage = await client.post(path, { from: '2026-01-02T00:00:00Z', until: null, reason: 'stolen' });
  expect(outage).toMatchObject({ dpu_id: id('1'), until: null, reason: 'stolen', revoked_at: null });
  expect(await count(PAST)).toMatchObject({ status: 'settled', waiting_for: [] });
  expect(await count('2026-01-01T12:00:00Z')).toMatchObject({ status: 'provisional', waiting_for: [id('1')] });
  expect((await client.get(path)).results).toEqual([outage]);
  await client.post(`${path}/${outage.id}/revoke`);
  expect(await count(PAST)).toMatchObject({ status: 'provisional' });
});

test('after a CONNECT the watermark stays where it was, then a PINGREQ moves it on', async () => {
  await room();
  await hear();
  await waitFor(PAST, { status: 'settled' });
  const { watermark: before } = await count();
  const dpu = await connectAsync(service.mqttUrl, { clientId: id('1'), keepalive: 1 });
  await dpu.publishAsync(`dpu/${id('1')}/events`, JSON.stringify({ timestamp: PAST, direction: 1 }), { qos: 1 });
  await waitFor(PAST, { count: 1 });
  const held = await count();
  if (Date.parse(held.at) - Date.parse(before) < LATENESS_S * 1000) expect(held.watermark).toBe(before);
  const moved = () => count().then(({ watermark }) => Date.parse(watermark));
  await expect.poll(moved, { timeout: 10_000 }).toBeGreaterThan(Date.parse(before) + 2_000);
  await dpu.endAsync();
});

test('coverage tells whether every doorway of the space had a DPU all the time', async () => {
  await client.post('/v1/spaces', { id: id('A') });
  expect((await count(PAST)).coverage).toBe('none');
  await client.post('/v1/doorways', { id: id('X'), a: id('A'), b: null });
  await client.post('/v1/dpus', { id: id('1') });
  expect((await count(PAST)).coverage).toBe('none');
  const from = '2026-01-01T00:00:00Z';
  await client.post(`/v1/dpus/${id('1')}/placements`, { doorway_id: id('X'), facing: 'a', from });
  expect((await count(PAST)).coverage).toBe('partial');
  await client.post(`/v1/spaces/${id('A')}/resets`, { at: from, count: 0 });
  expect((await count(PAST)).coverage).toBe('full');
  await client.post('/v1/doorways', { id: id('Y'), a: id('A'), b: null });
  expect((await count(PAST)).coverage).toBe('partial');
});
