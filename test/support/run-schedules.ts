// Runs generated schedules through the real pipeline and holds every count against the brute-force model.
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { DpuId, SpaceId } from '../../shared/ids.ts';
import type { CountChange } from '../../shared/storage/changes.ts';
import { Model } from './model.ts';
import { openPipeline, type Pipeline } from './pipeline.ts';
import { type Schedule, SPACES, scheduleArbitrary, scheduleOf } from './schedule.ts';
import { setting } from './setting.ts';
import { isInfluxRedis } from './storage.ts';

/** Each of the two test files runs half; on real servers a schedule takes a thousand times as long. */
const SCHEDULES = isInfluxRedis
  ? setting('FOOTFALL_TEST_SCHEDULES_SERVERS', 20)
  : setting('FOOTFALL_TEST_SCHEDULES', 5_000);
/** A database holds so many before a fresh one is opened. */
const SCHEDULES_PER_DATABASE = 20;
const EPOCH_MS = Date.UTC(2020, 0, 1);
/** After everything that any schedule says, and few daily resets later. */
const NOW_MS = EPOCH_MS + (SCHEDULES_PER_DATABASE + 2) * 86_400_000;

export function runSchedules(half: 1 | 2): void {
  let pipeline: Pipeline | undefined;
  let used = 0;
  const fresh = async (): Promise<Pipeline> => {
    if (pipeline !== undefined && used++ < SCHEDULES_PER_DATABASE) return pipeline;
    await finish();
    pipeline = await openPipeline(NOW_MS);
    used = 1;
    return pipeline;
  };
  /** All that was stored for all the schedules is one truth. */
  const finish = async () => {
    if (pipeline !== undefined) expect((await pipeline.processor.verify()).discrepancies).toEqual([]);
    await pipeline?.close();
    pipeline = undefined;
  };
  afterAll(async () => {
    await pipeline?.close();
  });

  const seed = setting('FOOTFALL_TEST_SEED', 20_180_224) * 2 + half;
  test(`any order of events, duplicates, moves, resets and crashes gives the model's counts (seed ${seed})`, async () => {
    const run = async (drawn: Parameters<typeof scheduleOf>[0]) => {
      const on = await fresh();
      const schedule = scheduleOf(drawn, used, EPOCH_MS);
      await follow(schedule, on).catch((cause) => {
        throw new Error(`not as the model: ${JSON.stringify(schedule)}`, { cause });
      });
    };
    await fc.assert(fc.asyncProperty(scheduleArbitrary, run), { seed, numRuns: SCHEDULES / 2 });
    await finish();
  }, 1_800_000);
}

async function follow(schedule: Schedule, pipeline: Pipeline): Promise<void> {
  const prefix = String(schedule.building[0]?.id).replace(/site$/, '');
  const model = new Model();
  model.record(schedule.building, pipeline.time.nowMs);
  // Schedules share a database but no names: what was said of other buildings costs time and changes nothing.
  const factsBefore = pipeline.plan.facts.length;
  const began = await pipeline.reader.newestChange();
  await pipeline.record(schedule.building);
  const told: number[] = [];
  for (const step of schedule.steps) {
    told.push(pipeline.time.nowMs);
    pipeline.time.nowMs += 1;
    if (step.kind === 'tidy') await pipeline.tidy();
    else if (step.kind === 'night') {
      // Somebody who comes in now is still in when the night begins, so that its reset changes a count.
      const event = { dpu: `${prefix}one`, atMs: pipeline.time.nowMs, direction: 1, seq: null };
      model.add(event, event.atMs);
      await pipeline.send(event.dpu, { timestamp: event.atMs, direction: event.direction });
      await pipeline.caughtUp();
      pipeline.time.nowMs += 86_400_000;
      await letResetsComeDue(pipeline);
    } else if (step.kind === 'crash') await pipeline.restartProcessor();
    else if (step.kind === 'record') {
      model.record(step.changes, pipeline.time.nowMs);
      await pipeline.record(step.changes);
    } else {
      for (const event of step.events) model.add(event, pipeline.time.nowMs);
      const value = step.events.map(({ atMs, direction, seq }) => ({ timestamp: atMs, direction, seq }));
      const outcomes = await pipeline.send(step.dpu, value);
      expect(outcomes.map((outcome) => outcome.status)).toEqual(step.events.map(() => 'accepted'));
    }
  }
  await pipeline.caughtUp();
  await letResetsComeDue(pipeline);
  const nowMs = pipeline.time.nowMs;
  const changes = await changesSince(pipeline, began);
  const facts = pipeline.plan.facts.slice(factsBefore);
  expect(await copiesOf(pipeline, prefix)).toEqual(Object.fromEntries(model.copies));
  for (const space of SPACES.map((name) => prefix + name)) {
    const now = await pipeline.liveCount(space);
    expect({ space, now }).toEqual({ space, now: model.count(space, nowMs) });
    const [fromMs, untilMs] = [Math.min(...schedule.moments), Math.max(...schedule.moments)];
    const [profile] = await pipeline.reader.profiles(space as SpaceId, [{ fromMs, untilMs }]);
    expect({ space, ...profile }).toEqual({ space, ...profileOf(model, space, fromMs, untilMs) });
    for (const [index, knownAtMs] of told.entries()) {
      // Of one space after each step: all of them would take most of the time, and find no more.
      if (space !== prefix + SPACES[(index + (schedule.moments[0] as number)) % SPACES.length]) continue;
      const atMs = schedule.moments.at(-1 - (index % schedule.moments.length)) as number;
      const count = await pipeline.countKnownAt(space, atMs, knownAtMs, facts);
      const told = model.known(knownAtMs).count(space, atMs);
      expect({ space, atMs, knownAtMs, count }).toEqual({ space, atMs, knownAtMs, count: told });
    }
    for (const atMs of schedule.moments) {
      const count = model.count(space, atMs);
      expect({ space, atMs, count: await pipeline.countAt(space, atMs) }).toEqual({ space, atMs, count });
    }
    for (const atMs of [...schedule.moments, nowMs]) {
      const count = model.count(space, atMs);
      expect({ space, atMs, changed: countOf(changes, space, atMs) }).toEqual({ space, atMs, changed: count });
    }
  }
}

/** The sums of [fromMs, untilMs), and the extremes of the running sum after each millisecond. */
function profileOf(model: Model, space: string, fromMs: number, untilMs: number) {
  const profile = { entrances: 0, exits: 0, lowest: 0, highest: 0 };
  const atMoment = Map.groupBy(model.deltasIn(space, fromMs - 1, untilMs - 1), ({ event }) => event.atMs);
  for (const [, deltas] of [...atMoment].sort(([one], [other]) => one - other)) {
    for (const { delta } of deltas) profile[delta > 0 ? 'entrances' : 'exits'] += 1;
    profile.lowest = Math.min(profile.lowest, profile.entrances - profile.exits);
    profile.highest = Math.max(profile.highest, profile.entrances - profile.exits);
  }
  return profile;
}

/** How often each event of the schedule came again, by its identity. */
async function copiesOf({ reader }: Pipeline, prefix: string): Promise<Record<string, number>> {
  const repeated = await reader.duplicates({ fromMs: 0, untilMs: NOW_MS }, null);
  const own = repeated.filter(({ dpuId }) => dpuId.startsWith(prefix));
  const identity = ({ dpuId, timestampMs, direction, seq }: (typeof own)[number]) =>
    JSON.stringify([dpuId, timestampMs, direction, seq]);
  return Object.fromEntries(own.map((one) => [identity(one), one.copies]));
}

/** The processor looks at its clock before it takes in a fact, whatever it says. */
async function letResetsComeDue(pipeline: Pipeline): Promise<void> {
  await pipeline.record([{ kind: 'dpu', id: 'clock' as DpuId, name: 'clock', retiredAtMs: null }]);
}

async function changesSince(pipeline: Pipeline, cursor: string): Promise<CountChange[]> {
  const found: CountChange[] = [];
  for (let place = cursor; ; ) {
    const page = await pipeline.reader.changes(place, null, 100);
    if (typeof page === 'string') throw new Error(`the place in the feed is ${page}`);
    found.push(...page.results);
    if (page.next === place) return found;
    place = page.next;
  }
}

/** The count that a reader holds who applied every change once. */
function countOf(changes: readonly CountChange[], space: string, atMs: number): number {
  return changes
    .filter((change) => change.spaceId === space && change.fromMs <= atMs && atMs < (change.untilMs ?? Infinity))
    .reduce((sum, { change }) => sum + change, 0);
}
