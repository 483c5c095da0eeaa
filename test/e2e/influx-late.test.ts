// An event that arrives ten days late is in every answer at once, before and after the rollup of its hour is made anew.
import { expect, test, vi } from 'vitest';
import { readConfig } from '../../shared/config.ts';
import { partitionOf } from '../../shared/partition.ts';
import { connect } from '../../shared/storage/influx-redis/connect.ts';
import { keys } from '../../shared/storage/influx-redis/keys.ts';
import { httpClient } from '../support/http.ts';
import { startService } from '../support/service.ts';
import { newInfluxRedis } from '../support/storage.ts';

const HOUR_MS = 3_600_000;

test('ten days late, and at once in counts, series, extremes and the live count', async () => {
  const environment = await newInfluxRedis();
  await using service = await startService({ environment });
  const client = httpClient(service.httpUrl);
  await client.put('/v1/floorplan', {
    spaces: [{ id: 'A' }],
    doorways: [{ id: 'X', a: 'A', b: null }],
    dpus: [{ id: '1', placements: [{ doorway_id: 'X', facing: 'a' }] }],
  });
  const lateMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 240 * HOUR_MS + 20 * 60_000;
  const moment = (ms: number) => encodeURIComponent(new Date(ms).toISOString());
  // More than the ring of the DPU holds, in the late event's hour and since.
  const events = Array.from({ length: 60 }, (_, index) => ({
    timestamp: lateMs + 60_000 + index * 4 * HOUR_MS,
    direction: 1,
  }));
  await client.post(
    '/v1/dpus/1/events',
    events.filter((event) => event.timestamp <= Date.now()),
  );
  const { config } = readConfig(environment);
  const { redis, close } = await connect(config);
  const closedMarks = async () => {
    const marks = await redis.hkeys(keys.dirty(partitionOf('A', config.partitions), 'A'));
    return marks.filter((mark) => mark.startsWith(`h${Math.floor(lateMs / HOUR_MS)}:`));
  };
  const settled = () =>
    vi.waitFor(async () => expect(await closedMarks()).toEqual([]), { timeout: 20_000, interval: 50 });
  const answers = async () => ({
    before: (await client.get(`/v1/spaces/A/count?at=${moment(lateMs - 1)}`)).count,
    at: (await client.get(`/v1/spaces/A/count?at=${moment(lateMs)}`)).count,
    later: (await client.get(`/v1/spaces/A/count?at=${moment(lateMs + 100 * HOUR_MS)}`)).count,
    now: (await client.get('/v1/spaces/A/count')).count,
    hour: (
      await client.get(
        `/v1/spaces/A/counts?start_time=${moment(lateMs)}&end_time=${moment(lateMs + HOUR_MS - 20 * 60_000)}&interval=1h`,
      )
    ).results[0].interval.analytics,
  });
  await vi.waitFor(async () => expect((await client.get('/v1/dpus/1/events?page_size=1')).total).toBe(60), {
    timeout: 10_000,
  });
  await settled();
  const before = await answers();
  expect(before).toMatchObject({ before: 0, at: 0, now: 60, hour: { entrances: 1, exits: 0, min: 0, max: 1 } });
  await client.post('/v1/dpus/1/events', { timestamp: lateMs, direction: 1 });
  await vi.waitFor(async () => expect((await client.get('/v1/dpus/1/events?page_size=1')).total).toBe(61), {
    interval: 2,
  });
  const expected = {
    before: 0,
    at: 1,
    later: before.later + 1,
    now: 61,
    hour: { ...before.hour, entrances: 2, max: 2, events: 2 },
  };
  expect(await answers()).toEqual(expected);
  await settled();
  expect(await answers()).toEqual(expected);
  await client.post('/v1/dpus/1/events', { timestamp: lateMs, direction: 1 });
  expect((await client.post('/v1/verify', {})).equal).toBe(true);
  expect(await answers()).toEqual(expected);
  await close();
}, 60_000);
