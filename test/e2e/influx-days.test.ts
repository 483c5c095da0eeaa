// Days of any zone from InfluxDB: while everything is raw, once days are rolled up, after a late event, and where a rollup has no hours yet.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Atlas } from '../../shared/atlas.ts';
import { readConfig } from '../../shared/config.ts';
import type { SpaceId } from '../../shared/ids.ts';
import type { HistoryReader, Profile, Span } from '../../shared/storage/history.ts';
import { connect } from '../../shared/storage/influx-redis/connect.ts';
import { openHistoryReader } from '../../shared/storage/influx-redis/history-reader.ts';
import { keys } from '../../shared/storage/influx-redis/keys.ts';
import { Marking } from '../../shared/storage/influx-redis/marking.ts';
import { deltaLine, RAW_BUCKET, ROLLUP_BUCKET } from '../../shared/storage/influx-redis/points.ts';
import { Rollups } from '../../shared/storage/influx-redis/rollups.ts';
import { seededRandom } from '../bench/history-of-events.ts';
import { newInfluxRedis } from '../support/storage.ts';

const LOBBY = 'lobby' as SpaceId;
const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
const FROM_MS = Date.UTC(2026, 2, 2);
const DAYS = 50;
const UNTIL_MS = FROM_MS + DAYS * DAY_MS;
/** Kolkata, Kathmandu, Berlin, UTC, New York and one in the middle of a minute. */
const OFFSETS_MS = [-330, -345, -60, 0, 300, 0.5].map((minutes) => minutes * MINUTE_MS);

type Step = { readonly atMs: number; readonly sign: 1 | -1 };
let store: Awaited<ReturnType<typeof connect>>;
let reader: HistoryReader;
let rollups: Rollups;
const steps: Step[] = [];

beforeAll(async () => {
  const { config } = readConfig({ ...(await newInfluxRedis()), FOOTFALL_PARTITIONS: '1' });
  store = await connect(config);
  reader = openHistoryReader({ ...store, partitions: 1, currentAtlas: async () => new Atlas() });
  const ownership = { partition: 0, epoch: 1, lost: new AbortController().signal };
  rollups = new Rollups({ ...store, ownership, live: undefined as never, partitions: 1, changesKept: 1 });
  const random = seededRandom(11);
  await write(
    Array.from({ length: 3_000 }, () => ({
      atMs: FROM_MS + Math.floor(random() * DAYS * DAY_MS),
      sign: random() < 0.55 ? 1 : -1,
    })),
  );
});
afterAll(() => store.close());

async function write(more: readonly Step[]): Promise<void> {
  const marking = new Marking(0);
  const lines = more.map(({ atMs, sign }, index) => {
    marking.add(LOBBY, atMs);
    const delta = { spaceId: LOBBY, sign, weight: 1 as const };
    return deltaLine({ timestampMs: atMs, slot: 0 }, delta, { number: steps.length + index, partition: 0 });
  });
  await marking.set(store.redis, 1, 0);
  await store.influx.write(RAW_BUCKET, lines);
  steps.push(...more);
}

async function rollUp(untilMs: number): Promise<void> {
  while (await rollups.makeSome(untilMs));
}

function byForce({ fromMs, untilMs }: Span): Profile {
  const profile = { entrances: 0, exits: 0, lowest: 0, highest: 0 };
  const within = steps.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs);
  for (const [, together] of [...Map.groupBy(within, ({ atMs }) => atMs)].sort(([a], [b]) => a - b)) {
    for (const { sign } of together) profile[sign === 1 ? 'entrances' : 'exits'] += 1;
    profile.lowest = Math.min(profile.lowest, profile.entrances - profile.exits);
    profile.highest = Math.max(profile.highest, profile.entrances - profile.exits);
  }
  return profile;
}

async function expectRight(): Promise<void> {
  for (const offsetMs of OFFSETS_MS) {
    const spans = Array.from({ length: DAYS + 2 }, (_, index) => {
      const fromMs = FROM_MS + (index - 1) * DAY_MS + offsetMs;
      return { fromMs, untilMs: fromMs + DAY_MS };
    });
    expect({ offsetMs, days: await reader.profiles(LOBBY, spans) }).toEqual({ offsetMs, days: spans.map(byForce) });
  }
}

const marked = () => store.redis.hlen(keys.dirty(0, LOBBY));

test('all raw, half of the days rolled up, all of them, and after a late event', async () => {
  await expectRight();
  await rollUp(FROM_MS + 25 * DAY_MS + 7 * 60 * MINUTE_MS);
  expect(await marked()).toBeGreaterThan(25);
  await expectRight();
  await rollUp(UNTIL_MS + DAY_MS);
  expect(await marked()).toBe(0);
  await expectRight();
  await write([{ atMs: FROM_MS + 20 * DAY_MS + 123_456, sign: -1 }]);
  expect(await marked()).toBe(2);
  await expectRight();
  await rollUp(UNTIL_MS + DAY_MS);
  await expectRight();
}, 60_000);

test('days that were rolled up before their hours were kept are read by the hour', async () => {
  await rollUp(UNTIL_MS + DAY_MS);
  const gone = { measurement: 'rollup_day_hours', tags: { space: LOBBY } };
  await store.influx.remove(ROLLUP_BUCKET, { startMs: FROM_MS + 3 * DAY_MS, stopMs: FROM_MS + 9 * DAY_MS, ...gone });
  await expectRight();
}, 60_000);
