// Findings over HTTP: none for a real recording nor for a simulated building, and each with its evidence where something is wrong.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { floorplanOf } from '../../shared/commands/building.ts';
import { runCommand } from '../support/command-line.ts';
import { type Client, httpClient, untilStored } from '../support/http.ts';
import { BUILDING, dpu, type Journey, journeys } from '../support/office.ts';
import { DISTINCT_EVENTS, EVENTS_FILE, FLOORPLAN_FILE, realDataMissing } from '../support/real-data.ts';
import { type Service, startService } from '../support/service.ts';

let service: Service;
let client: Client;
let addresses: string[];

beforeEach(async () => {
  service = await startService();
  client = httpClient(service.httpUrl);
  addresses = ['--url', service.httpUrl, '--mqtt', service.mqttUrl];
});
afterEach(() => service.stop());

const WEEK = 'start_time=2026-01-05T00:00:00Z&end_time=2026-01-12T00:00:00Z';
const RECORDED = '/v1/health/spaces?start_time=2018-02-24T00:00:00Z&end_time=2018-03-03T00:00:00Z';

/** Imports the office and sends everything that happened in it, each DPU's events in arrays. */
async function office(events: readonly (Journey & { readonly seq?: number })[]): Promise<void> {
  await client.put('/v1/floorplan', floorplanOf(BUILDING));
  for (const [door, own] of Map.groupBy(events, (event) => event.door)) {
    const body = own.map(({ atMs, direction, seq }) => ({ timestamp: atMs, direction, seq: seq ?? null }));
    await client.post(`/v1/dpus/${dpu(door)}/events`, body);
  }
  await untilStored(client, events.length);
}

test.skipIf(realDataMissing())(
  'a real recording gives none, until one of its DPUs is entered the other way round',
  async () => {
    await runCommand(['import', FLOORPLAN_FILE, '--url', service.httpUrl]);
    await runCommand(['replay', EVENTS_FILE, ...addresses]);
    await untilStored(client, DISTINCT_EVENTS);
    const looked = await client.get(RECORDED);
    expect(looked).toMatchObject({ events: DISTINCT_EVENTS, from: '2018-02-24T00:00:00.000Z', total: 0, results: [] });
    const [placement] = (await client.get('/v1/dpus/283/placements')).results;
    const { id, dpu_id, ...rest } = placement;
    await client.put(`/v1/dpus/${dpu_id}/placements/${id}`, { ...rest, facing: 'b' });
    const { results } = await client.get(RECORDED);
    expect(results).toMatchObject([{ kind: 'reversed_sensor', dpu_ids: ['283'], space_ids: ['A'] }]);
    expect(results[0].evidence).toMatchObject({ days: 6, from: '2018-02-24T04:00:00.000Z' });
    expect(results[0].evidence.below_zero_people).toBeGreaterThan(20);
  },
  60_000,
);

test('a simulated building gives none, late and repeated events or not', async () => {
  const walk = ['simulate', '--seconds', '3', '--rate', '100', '--late', '0.2', '--duplicate', '0.2', ...addresses];
  const { code, stdout } = await runCommand(walk);
  expect(code).toBe(0);
  const events = Number(/(\d+) events published/.exec(stdout)?.[1]);
  expect(await client.get('/v1/health/spaces')).toMatchObject({ events, total: 0 });
}, 60_000);

test('a reversed sensor, a reused sequence and too many people are found, for all spaces and for one', async () => {
  await office(
    journeys().map((journey, index) => {
      if (journey.door === 4) return { ...journey, direction: journey.direction === 1 ? -1 : 1 };
      return journey.door === 1 ? { ...journey, seq: index } : { ...journey, seq: index % 100 };
    }),
  );
  await client.patch('/v1/spaces/office-1-0', { capacity: 50 });
  const { results, events } = await client.get(`/v1/health/spaces?${WEEK}`);
  const rooms = [2, 3, 5, 6, 7].map((door) => ['sequence_reused', dpu(door)]);
  expect(results.map(({ kind, dpu_ids }: { kind: string; dpu_ids: string[] }) => [kind, ...dpu_ids])).toEqual([
    ['reversed_sensor', dpu(4)],
    ['over_capacity'],
    ...rooms,
  ]);
  expect(results[1]).toMatchObject({ space_ids: ['office-1-0'], evidence: { capacity: 50, greatest_count: 60 } });
  const one = await client.get(`/v1/health/spaces?${WEEK}&space_ids=office-1-0-3`);
  expect(one.results.map(({ kind }: { kind: string }) => kind)).toEqual(['reversed_sensor']);
  expect(one.events).toBeLessThan(events / 4);
});

test('clocks far off, and DPUs that nobody knows, are found in quarantine', async () => {
  await office([]);
  await client.post(`/v1/dpus/${dpu(2)}/events`, { timestamp: '2090-01-01T00:00:00Z', direction: 1 });
  await client.post('/v1/dpus/stranger/events', { timestamp: '2026-01-05T00:00:00Z', direction: 1 });
  await expect.poll(async () => (await client.get('/v1/quarantine')).total).toBe(2);
  expect((await client.get('/v1/health/spaces')).results).toMatchObject([
    { kind: 'clock_off', dpu_ids: [dpu(2)], evidence: { messages_quarantined: 1 } },
    { kind: 'unknown_dpu', dpu_ids: ['stranger'] },
  ]);
});

test('what cannot be looked at is refused', async () => {
  const refused = (query: string) => client.call('GET', `/v1/health/spaces?${query}`);
  expect(await refused('space_ids=attic')).toMatchObject({ status: 404, body: { code: 'space_not_found' } });
  expect(await refused('start_time=2020-01-01T00:00:00Z')).toMatchObject({ status: 400 });
  expect(await refused('start_time=2026-01-02T00:00:00Z&end_time=2026-01-01T00:00:00Z')).toMatchObject({ status: 400 });
});
