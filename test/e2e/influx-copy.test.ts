// Moving house: an embedded store into Redis and InfluxDB and back, with moves, resets, late events and quarantine in it.
import { expect, test } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { httpClient } from '../support/http.ts';
import { startService } from '../support/service.ts';
import { newInfluxRedis } from '../support/storage.ts';
import { temporaryDir } from '../support/temporary-dir.ts';

const NINE = Date.UTC(2026, 2, 2, 9);
const EMBEDDED = { FOOTFALL_STORAGE: 'embedded' };

async function fill(url: string): Promise<void> {
  const client = httpClient(url);
  await client.put('/v1/floorplan', {
    spaces: [{ id: 'house' }, { id: 'cafe', parent_id: 'house' }],
    doorways: [
      { id: 'entrance', a: 'house', b: null },
      { id: 'inside', a: 'cafe', b: 'house' },
    ],
    dpus: [{ id: 'd1', placements: [{ doorway_id: 'entrance', facing: 'a' }] }, { id: 'd2' }],
  });
  const crossings = (count: number, fromMs: number) =>
    Array.from({ length: count }, (_, index) => ({
      timestamp: fromMs + index * 61_000,
      direction: index % 3 === 0 ? -1 : 1,
    }));
  await client.post('/v1/dpus/d1/events', crossings(200, NINE));
  await client.post('/v1/dpus/d2/events', crossings(100, NINE));
  await client.post('/v1/dpus/d2/placements', { doorway_id: 'inside', facing: 'a', from: '2026-03-02T09:30:00Z' });
  await client.post('/v1/spaces/house/resets', { at: '2026-03-02T10:00:00Z', count: 5 });
  await client.post('/v1/dpus/d1/events', crossings(50, NINE - 86_400_000));
  await client.post('/v1/dpus/d1/events', crossings(20, NINE - 86_400_000));
  await client.post('/v1/dpus/d1/events', crossings(10, NINE - 86_400_000));
  await client.post('/v1/dpus/nobody/events', { timestamp: NINE, direction: 1 });
}

async function answersOf(url: string): Promise<object> {
  const client = httpClient(url);
  const at = (ms: number) => encodeURIComponent(new Date(NINE + ms).toISOString());
  const answers: Record<string, unknown> = {};
  for (const space of ['house', 'cafe']) {
    for (const ms of [-80_000_000, 0, 1_700_000, 3_600_000, 7_200_000]) {
      answers[`${space} ${ms}`] = (await client.get(`/v1/spaces/${space}/count?at=${at(ms)}`)).count;
    }
    answers[space] = (await client.get(`/v1/spaces/${space}/count`)).count;
    answers[`${space} explained`] = (await client.get(`/v1/spaces/${space}/count/explain?at=${at(0)}`)).events;
    const day = await client.get(
      `/v1/spaces/${space}/counts?start_time=${at(-9 * 3_600_000)}&end_time=${at(15 * 3_600_000)}&interval=1h`,
    );
    answers[`${space} by hour`] = day.results;
  }
  answers['events'] = (
    await client.get('/v1/events?by=received&page_size=5000&start_time=2020-01-01T00:00:00Z')
  ).results;
  answers['quarantine'] = (await client.get('/v1/quarantine')).results.map(
    ({ id: _, ...item }: { id: string }) => item,
  );
  answers['equal'] = (await client.post('/v1/verify', {})).equal;
  return answers;
}

test('there and back again, every answer is the same, recordings included', async () => {
  const fleet = await newInfluxRedis();
  const dataDir = temporaryDir();
  let before: object;
  {
    await using service = await startService({ environment: EMBEDDED, dataDir });
    await fill(service.httpUrl);
    before = await answersOf(service.httpUrl);
  }
  const moved = await runCommand(['copy', '--from', 'embedded', '--to', 'influx-redis'], {
    ...fleet,
    FOOTFALL_DATA_DIR: dataDir,
  });
  expect(moved).toMatchObject({ code: 0, stdout: expect.stringMatching(/^equal: 350 events read, 2 spaces compared/) });
  const again = await runCommand(['copy', '--from', 'embedded', '--to', 'influx-redis'], {
    ...fleet,
    FOOTFALL_DATA_DIR: dataDir,
  });
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('equal') });
  {
    await using service = await startService({ environment: fleet });
    expect(await answersOf(service.httpUrl)).toEqual(before);
  }
  const home = temporaryDir();
  const back = await runCommand(['copy', '--from', 'influx-redis', '--to', 'embedded'], {
    ...fleet,
    FOOTFALL_DATA_DIR: home,
  });
  expect(back).toMatchObject({ code: 0, stdout: expect.stringContaining('equal') });
  await using service = await startService({ environment: EMBEDDED, dataDir: home });
  expect(await answersOf(service.httpUrl)).toEqual(before);
}, 120_000);
